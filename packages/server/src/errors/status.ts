import type { ErrorKind } from '@godwit/sites';

/** HTTP status of an error code; one that is not here goes by its ending, then by its kind. */
const statuses: Readonly<Record<string, number>> = {
  GW_INVALID_REQUEST: 400,
  GW_TOKEN_MISSING: 401,
  GW_TOKEN_INVALID: 401,
  GW_NO_PROJECT: 403,
  GW_ROLE_REQUIRED: 403,
  GW_NOT_FOUND: 404,
  GW_RESOURCE_GONE: 404,
  GW_TOO_LARGE: 413,
  GW_INTERNAL: 500,
  GW_SITE_ERROR: 502,
  GW_SITE_ANSWER: 502,
  GW_SITE_TLS: 502,
  GW_SITE_CREDENTIALS: 502,
  GW_SITE_FORBIDDEN: 502,
  GW_DAEMON_ERROR: 502,
  GW_IDENTITY_UNREACHABLE: 503,
  GW_NOT_READY: 503,
  GW_DAEMON_SILENT: 504,
};

const byKind: Readonly<Record<ErrorKind, number>> = { terminal: 409, retryable: 503, waiting: 503 };

export function statusOf(code: string, kind: ErrorKind): number {
  const exact = statuses[code];
  if (exact !== undefined) return exact;
  if (code.endsWith('_UNKNOWN')) return 404;
  if (code.endsWith('_INVALID')) return 400;
  return byKind[kind];
}

const titles: Readonly<Record<number, string>> = {
  400: 'The request is not valid',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Refused',
  413: 'Too large',
  415: 'Wrong media type',
  500: 'A defect of Godwit',
  502: 'A site answered with an error',
  503: 'Not available now',
  504: 'A site did not answer in time',
};

export const titleOf = (status: number): string => titles[status] ?? 'Error';
