import { OpenStackError, type OpenStackErrorCode } from '../errors.ts';
import type { ErrorKind, ServiceType } from '../types.ts';
import { readErrorBody } from './error-body.ts';

/** Which request failed: what an error may say about it. */
export interface RequestName {
  readonly service: ServiceType;
  readonly method: string;
  readonly path: string;
  /** scheme://host:port, for errors of the connection. */
  readonly origin: string;
}

/** Replaces the secrets that a service might echo. */
export type Redact = (text: string) => string;

const QUOTA = /quota exceeded|exceeded for quota|over ?quota|limit ?exceeded|maximum number of .* (allowed|exceeded)|exceeds? (the )?(allowed )?.*quota/i;

function classify(status: number, text: string): { code: OpenStackErrorCode; kind: ErrorKind; phrase: string } {
  if (status === 401) return { code: 'OS_UNAUTHORIZED', kind: 'terminal', phrase: 'the credentials or the token are not accepted' };
  // How often, not how much: waiting helps, a larger quota does not.
  if (status === 429) return { code: 'OS_RATE_LIMITED', kind: 'retryable', phrase: 'too many requests' };
  // A quota is told as 403 by Nova, Glance and Keystone, as 409 by Neutron, as 413 by Cinder, as 400 by some drivers.
  if (status === 413 || ([400, 403, 409].includes(status) && QUOTA.test(text))) return { code: 'OS_OVER_LIMIT', kind: 'terminal', phrase: 'a quota or limit is reached' };
  if (status === 403) return { code: 'OS_FORBIDDEN', kind: 'terminal', phrase: 'not allowed for these credentials' };
  if (status === 404) return { code: 'OS_NOT_FOUND', kind: 'terminal', phrase: 'not found' };
  if (status === 409) return { code: 'OS_CONFLICT', kind: 'terminal', phrase: 'in conflict with the present state' };
  if (status === 406) return { code: 'OS_MICROVERSION_UNSUPPORTED', kind: 'terminal', phrase: 'the API version is not supported' };
  if (status === 408) return { code: 'OS_TIMEOUT', kind: 'retryable', phrase: 'timed out' };
  if (status === 501) return { code: 'OS_NOT_SUPPORTED', kind: 'terminal', phrase: 'not implemented there' };
  if (status >= 500) return { code: 'OS_UNAVAILABLE', kind: 'retryable', phrase: 'the service failed' };
  if (status >= 400) return { code: 'OS_BAD_REQUEST', kind: 'terminal', phrase: 'the request is not valid' };
  return { code: 'OS_BAD_RESPONSE', kind: 'terminal', phrase: 'an unexpected status' };
}

/** The error of an answer that is not a success. */
export function errorOfResponse(
  name: RequestName,
  response: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string },
  redact: Redact,
): OpenStackError {
  const { status, headers } = response;
  const body = readErrorBody(response.text, headers['content-type']);
  const { code, kind, phrase } = classify(status, `${body.type ?? ''} ${body.sentence ?? ''}`);
  const requestId = requestIdOf(headers);
  const detail = body.sentence === undefined ? undefined : redact(body.sentence);
  return new OpenStackError({
    code, kind, status, requestId, detail,
    service: name.service,
    method: name.method,
    path: name.path,
    message: `${name.service}: ${name.method} ${name.path}: ${phrase} (HTTP ${status}${requestId ? `, ${requestId}` : ''})${detail ? `: ${detail}` : ''}`,
  });
}

export function requestIdOf(headers: Readonly<Record<string, string>>): string | undefined {
  return headers['x-openstack-request-id'] ?? headers['x-compute-request-id'] ?? headers['x-trans-id'];
}

const TLS_CODES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_SIGNATURE_FAILURE', 'CERT_UNTRUSTED',
  'CERT_REVOKED', 'CERT_REJECTED', 'CERT_CHAIN_TOO_LONG', 'INVALID_CA', 'HOSTNAME_MISMATCH', 'EPROTO',
]);
/** Nothing of the request can have reached the service. */
const BEFORE_SENDING = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ETIMEDOUT']);

/** An error of the connection, and whether the service can have seen anything of the request. */
export interface ConnectionFailure {
  readonly error: OpenStackError;
  readonly sent: boolean;
}

export function connectionFailure(name: RequestName, cause: unknown, redact: Redact): ConnectionFailure {
  const { code, syscall, message } = rootOf(cause);
  const where = `${name.service} at ${name.origin}`;
  const make = (errorCode: OpenStackErrorCode, kind: ErrorKind, text: string): OpenStackError =>
    new OpenStackError({ code: errorCode, kind, service: name.service, method: name.method, path: name.path, message: `${where}: ${text}`, detail: redact(message), cause: plainCause(code, redact(message)) });

  if (TLS_CODES.has(code) || code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL')) {
    return { sent: false, error: make('OS_TLS', 'terminal', `the TLS connection is not trusted or not possible (${message}). Check the address, and cacert, cert, key or verify of this cloud`) };
  }
  if (code === 'UND_ERR_INVALID_ARG') return { sent: false, error: make('OS_BAD_REQUEST', 'terminal', `the request cannot be sent (${message})`) };
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { sent: false, error: make('OS_UNREACHABLE', 'retryable', 'no answer to the connection') };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { sent: false, error: make('OS_UNREACHABLE', 'retryable', `the host name is not known (${code})`) };
  if (BEFORE_SENDING.has(code) && (syscall === 'connect' || code === 'ECONNREFUSED')) {
    return { sent: false, error: make('OS_UNREACHABLE', 'retryable', `the connection is refused or has no route (${code})`) };
  }
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return { sent: true, error: make('OS_TIMEOUT', 'retryable', 'no answer in time') };
  return { sent: true, error: make('OS_UNREACHABLE', 'retryable', `the connection broke (${code || message})`) };
}

export function redirected(name: RequestName, status: number, location: string | undefined, requestId: string | undefined): OpenStackError {
  return new OpenStackError({
    code: 'OS_BAD_RESPONSE', kind: 'terminal', service: name.service, method: name.method, path: name.path, status, requestId,
    message: `${name.service}: ${name.method} ${name.path}: ${name.origin} answers with a redirect (HTTP ${status}) to ${location ?? 'nowhere'}; name that address in auth_url, the catalogue or an endpoint override`,
  });
}

export function timeoutError(name: RequestName, timeoutMs: number): OpenStackError {
  return new OpenStackError({
    code: 'OS_TIMEOUT', kind: 'retryable', service: name.service, method: name.method, path: name.path,
    message: `${name.service}: ${name.method} ${name.path}: no answer from ${name.origin} in ${timeoutMs / 1000} s`,
  });
}

/** Only a code and a sentence: undici's errors hold sockets and parsers, which say nothing to a reader. */
function plainCause(code: string, message: string): Error {
  return Object.assign(new Error(message), code ? { code } : {});
}

/** The innermost cause: undici and happy-eyeballs wrap the interesting one. OpenSSL's errors have a `reason` that can be read. */
function rootOf(error: unknown): { code: string; syscall: string; message: string } {
  let current = error;
  for (let depth = 0; depth < 5; depth += 1) {
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else if (current instanceof Error && current.cause instanceof Error && !('code' in current)) current = current.cause;
    else break;
  }
  const field = (key: string): string => (typeof current === 'object' && current !== null && key in current ? String((current as Record<string, unknown>)[key]) : '');
  return { code: field('code'), syscall: field('syscall'), message: field('reason') || (current instanceof Error ? current.message : String(current)) };
}
