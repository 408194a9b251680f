import { createHash } from 'node:crypto';
import { AgentError } from './errors.ts';

/**
 * `gwa1.SECRET.CA`: 32 random bytes, and the SHA-256 of the CA's certificate (DER), both in base64url. The second part is how an agent
 * knows its controller before it has ever seen it.
 */
export interface Token {
  readonly secret: string;
  readonly caSha256: string;
}

const shape = /^gwa1\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/;

export const formatToken = (secret: Buffer, caDer: Uint8Array): string => `gwa1.${secret.toString('base64url')}.${createHash('sha256').update(caDer).digest('base64url')}`;

/** Throws GW_AGENT_TOKEN_INVALID; the message does not repeat the token. */
export function parseToken(text: string): Token {
  const found = shape.exec(text.trim());
  if (found?.[1] === undefined || found[2] === undefined) {
    throw new AgentError('GW_AGENT_TOKEN_INVALID', 'terminal', 'this is no enrolment token', { action: 'Make one: godwit agent token create.' });
  }
  return { secret: found[1], caSha256: found[2] };
}

/** All that is kept of a token: it has 256 random bits, so that a plain hash is enough. */
export const tokenHash = (secret: string): string => createHash('sha256').update(secret).digest('hex');
