import type { AuthConfig } from '../types.ts';

/** Body of POST /v3/auth/tokens. Holds secrets: it must reach neither a log nor an error. */
export function authBody(auth: AuthConfig): unknown {
  const identity = identityOf(auth);
  const scope = scopeOf(auth);
  return { auth: { identity, ...(scope === undefined ? {} : { scope }) } };
}

function identityOf(auth: AuthConfig): unknown {
  switch (auth.type) {
    case 'password':
      return { methods: ['password'], password: { user: { ...userOf(auth), password: auth.password } } };
    case 'token':
      return { methods: ['token'], token: { id: auth.token } };
    case 'v3applicationcredential':
      return {
        methods: ['application_credential'],
        application_credential: {
          secret: auth.applicationCredentialSecret,
          ...(auth.applicationCredentialId
            ? { id: auth.applicationCredentialId }
            : { name: auth.applicationCredentialName, user: userOf(auth) }),
        },
      };
  }
}

function userOf(auth: AuthConfig): Record<string, unknown> {
  if (auth.userId) return { id: auth.userId };
  return { name: auth.username, domain: domainOf(auth.userDomainId, auth.userDomainName) };
}

function scopeOf(auth: AuthConfig): unknown {
  // An application credential carries its own scope; Keystone refuses another.
  if (auth.type === 'v3applicationcredential') return undefined;
  if (auth.systemScope) return { system: { all: true } };
  if (auth.projectId) return { project: { id: auth.projectId } };
  if (auth.projectName) return { project: { name: auth.projectName, domain: domainOf(auth.projectDomainId, auth.projectDomainName) } };
  if (auth.domainId || auth.domainName) return { domain: domainOf(auth.domainId, auth.domainName) };
  return undefined;
}

function domainOf(id: string | undefined, name: string | undefined): Record<string, string> {
  return id ? { id } : { name: name ?? 'Default' };
}
