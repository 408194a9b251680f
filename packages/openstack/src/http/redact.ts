import type { AuthConfig } from '../types.ts';

/** Keystone's tokens, should a service quote one. */
const FERNET = /\bgAAAAA[\w-]{20,}={0,2}/g;
/** Shorter secrets would blank out common words. */
const SHORTEST = 4;

/** Blanks out this cloud's secrets, and anything that looks like a token, in what a service said. */
export function createRedact(auth: AuthConfig): (text: string) => string {
  const secrets = [auth.password, auth.token, auth.applicationCredentialSecret].filter((secret) => secret !== undefined && secret.length >= SHORTEST) as string[];
  return (text) => {
    let clean = text.replace(FERNET, '***');
    for (const secret of secrets) clean = clean.replaceAll(secret, '***');
    return clean;
  };
}
