import type { ErrorKind, ServiceType } from './types.ts';

/** Every code of this package. */
export const OPENSTACK_ERROR_CODES = [
  'OS_UNAUTHORIZED',
  'OS_FORBIDDEN',
  'OS_NOT_FOUND',
  'OS_CONFLICT',
  'OS_BAD_REQUEST',
  'OS_OVER_LIMIT',
  'OS_RATE_LIMITED',
  'OS_UNAVAILABLE',
  'OS_NOT_SUPPORTED',
  'OS_UNREACHABLE',
  'OS_TLS',
  'OS_TIMEOUT',
  'OS_BAD_RESPONSE',
  'OS_BAD_CHECKSUM',
  'OS_ENDPOINT_MISSING',
  'OS_MICROVERSION_UNSUPPORTED',
  'OS_CONFIG_FILE',
  'OS_CONFIG_NO_CLOUD',
  'OS_CONFIG_CLOUD_UNKNOWN',
  'OS_CONFIG_REGION',
  'OS_CONFIG_AUTH_TYPE',
  'OS_CONFIG_INCOMPLETE',
  'OS_CONFIG_INVALID',
] as const;
export type OpenStackErrorCode = (typeof OPENSTACK_ERROR_CODES)[number];

export interface OpenStackErrorFields {
  readonly code: OpenStackErrorCode;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly status?: number | undefined;
  readonly service?: ServiceType | undefined;
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly requestId?: string | undefined;
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

/**
 * Every failure of this package, but for an aborted call (which rejects with its signal's reason).
 * Holds no request bodies and no headers, so that it may be logged as it is.
 */
export class OpenStackError extends Error {
  readonly code: OpenStackErrorCode;
  readonly kind: ErrorKind;
  /** HTTP status, if the service answered. */
  readonly status: number | undefined;
  readonly service: ServiceType | undefined;
  readonly method: string | undefined;
  /** Path below the service's endpoint. */
  readonly path: string | undefined;
  /** OpenStack's request id (`req-…`), by which the service's log names this request. */
  readonly requestId: string | undefined;
  /** The service's own sentence, without our frame. */
  readonly detail: string | undefined;

  constructor(fields: OpenStackErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'OpenStackError';
    this.code = fields.code;
    this.kind = fields.kind;
    this.status = fields.status;
    this.service = fields.service;
    this.method = fields.method;
    this.path = fields.path;
    this.requestId = fields.requestId;
    this.detail = fields.detail;
  }

  toJSON(): Record<string, unknown> {
    const { code, kind, message, status, service, method, path, requestId, detail } = this;
    return Object.fromEntries(
      Object.entries({ code, kind, message, status, service, method, path, requestId, detail }).filter(([, value]) => value !== undefined),
    );
  }
}

export function isOpenStackError(error: unknown, ...codes: OpenStackErrorCode[]): error is OpenStackError {
  return error instanceof OpenStackError && (codes.length === 0 || codes.includes(error.code));
}

/** `undefined` instead of OS_NOT_FOUND: for "is it there?" questions. */
export async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isOpenStackError(error, 'OS_NOT_FOUND')) return undefined;
    throw error;
  }
}
