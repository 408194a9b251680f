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
  /** Limit of one attempt of a request, in milliseconds (`api_timeout` in clouds.yaml, there in seconds). Default 60 000. */
  readonly timeoutMs?: number;
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

/** What every call of the client takes last. */
export interface CallOptions {
  /** Gives the call up, also while it waits to be repeated. Rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Limit of one attempt, in milliseconds, until its answer is complete (for a stream: until its headers, then between two pieces). */
  readonly timeoutMs?: number;
  /** How often a request that is safe to repeat is repeated. Default 2. */
  readonly retries?: number;
}

/** Query of a request: absent values are left out, a list is sent as a repeated key. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Source of a streamed request body. */
export type BodySource = AsyncIterable<Uint8Array> | Uint8Array;

/** The wall clock, in milliseconds since 1970. */
export interface Clock {
  now(): number;
}

/** One attempt of one request, for a log. Holds neither bodies nor headers, so no secrets. */
export interface RequestEvent {
  readonly cloud: string;
  readonly service: ServiceType;
  readonly method: string;
  /** Path and query below the endpoint. */
  readonly path: string;
  readonly attempt: number;
  readonly durationMs: number;
  readonly status?: number;
  readonly requestId?: string;
  /** Code of the error, when the attempt failed. */
  readonly error?: string;
}
