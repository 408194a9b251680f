import { type ErrorKind, GodwitError, toGodwitError } from '@godwit/sites';
import { isDatabaseAway } from '@godwit/workflow';
import { hasZodFastifySchemaValidationErrors, ResponseSerializationError } from 'fastify-type-provider-zod';
import { statusOf, titleOf } from './status.ts';

/** RFC 9457 problem details, with our own members. `instance` is the id of the request, as in the log and in x-request-id. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly instance: string;
  readonly site?: string | undefined;
  readonly resource?: string | undefined;
  readonly action?: string | undefined;
  /** OpenStack's request id. */
  readonly requestId?: string | undefined;
  readonly details?: unknown;
}

/** What leaves the server for anything thrown. What is not a known error shows nothing of itself but the request's id. */
export function toProblem(error: unknown, instance: string): Problem {
  const known = toKnown(error, instance);
  const { code, kind, message, site, resource, action, requestId, details } = known.error;
  const status = known.status ?? statusOf(code, kind);
  return { type: `urn:godwit:error:${code}`, title: titleOf(status), status, code, kind, message, instance, site, resource, action, requestId, details };
}

interface Known {
  readonly error: GodwitError;
  readonly status?: number;
}

function toKnown(error: unknown, instance: string): Known {
  if (error instanceof GodwitError && error.code !== 'GW_INTERNAL') return { error };
  if (hasZodFastifySchemaValidationErrors(error)) return { error: invalidRequest(error) };
  if (isFastifyRefusal(error)) return refusal(error);
  // By its class: the type provider's own test takes any error with a `method` for one, a site's refusal too.
  if (!(error instanceof ResponseSerializationError) && isCoded(error)) {
    const translated = toGodwitError(error);
    if (translated.code !== 'GW_INTERNAL') return { error: translated };
  }
  if (isDatabaseAway(error)) return { error: databaseAway() };
  return { error: internal(instance) };
}

/** Which database and why is in the log: whoever asks need not know. */
const databaseAway = (): GodwitError => new GodwitError('GW_DATABASE', 'retryable', 'Godwit’s database does not answer at the moment', { action: 'Ask again in a moment; if it stays so, look at PostgreSQL.' });

function invalidRequest(error: { validation: readonly { instancePath: string; message?: string | undefined }[]; validationContext?: string | undefined }): GodwitError {
  const where = error.validationContext ?? 'body';
  const issues = error.validation.map((issue) => {
    const path = issue.instancePath.split('/').filter(Boolean).join('.');
    return { in: where, path: path === '' ? where : path, message: issue.message ?? 'not valid' };
  });
  const text = issues.map((i) => `${i.path}: ${i.message}`).join('; ');
  return new GodwitError('GW_INVALID_REQUEST', 'terminal', text, {
    action: 'Correct the request; /openapi.json describes it.',
    details: { issues },
  });
}

interface FastifyRefusal extends Error {
  readonly code: string;
  readonly statusCode: number;
}

/** Fastify's own refusals (bad JSON, too large, wrong media type): its messages name no internals. */
const isFastifyRefusal = (e: unknown): e is FastifyRefusal => {
  const f = e as Partial<FastifyRefusal>;
  return e instanceof Error && typeof f.code === 'string' && f.code.startsWith('FST_') && typeof f.statusCode === 'number' && f.statusCode >= 400 && f.statusCode < 500;
};

function refusal(error: FastifyRefusal): Known {
  const tooLarge = error.statusCode === 413;
  return {
    status: error.statusCode,
    error: new GodwitError(tooLarge ? 'GW_TOO_LARGE' : 'GW_INVALID_REQUEST', 'terminal', error.message, {
      action: tooLarge ? 'Send less in one request.' : 'Correct the request; /openapi.json describes it.',
    }),
  };
}

const isCoded = (e: unknown): boolean =>
  e instanceof Error && typeof (e as { code?: unknown }).code === 'string' && typeof (e as { kind?: unknown }).kind === 'string';

function internal(instance: string): GodwitError {
  return new GodwitError('GW_INTERNAL', 'retryable', `an unexpected error; the server’s log has it under ${instance}`, {
    action: 'Try again; if it comes back, report it with the lines of the log that carry this id.',
  });
}
