/** How an error should be treated by a caller: see docs/errors.md. */
export type ErrorKind = 'terminal' | 'retryable' | 'waiting';

export type ServiceType = 'identity' | 'compute' | 'volume' | 'image' | 'network' | 'object-store' | 'placement';

/** A cloud as in clouds.yaml or OS_*: how to authenticate and where. */
export interface CloudConfig {
  readonly name: string;
  readonly auth: AuthConfig;
  readonly regionName?: string;
  readonly interface: 'public' | 'internal' | 'admin';
  /** Endpoint overrides by service type, e.g. `{ volume: 'https://…' }`. */
  readonly endpointOverrides: Readonly<Partial<Record<ServiceType, string>>>;
  readonly tls: { readonly verify: boolean; readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
}

export interface AuthConfig {
  readonly authUrl: string;
  readonly type: 'password' | 'token' | 'v3applicationcredential';
  readonly username?: string;
  readonly userId?: string;
  readonly password?: string;
  readonly userDomainName?: string;
  readonly userDomainId?: string;
  readonly projectName?: string;
  readonly projectId?: string;
  readonly projectDomainName?: string;
  readonly projectDomainId?: string;
  readonly domainName?: string;
  readonly domainId?: string;
  readonly systemScope?: 'all';
  readonly token?: string;
  readonly applicationCredentialId?: string;
  readonly applicationCredentialName?: string;
  readonly applicationCredentialSecret?: string;
}
