import type { ErrorKind, JobError, Json } from './types.ts';

const KINDS: readonly string[] = ['terminal', 'retryable', 'waiting'];

/** Context that the errors of other packages carry beside code and kind; kept in `details` so that it survives the journal. */
const CONTEXT = ['site', 'resource', 'requestId', 'action', 'status'] as const;

/**
 * Every error that leaves this package: its own (`GW_JOB_…`, `GW_POSTGRES_…`) and those of steps, as they were journaled.
 * A step's error is rebuilt from the record, in the first run as well, so that code behaves the same after a restart:
 * compare `code`, not `instanceof`.
 */
export class WorkflowError extends Error implements JobError {
  override readonly name = 'WorkflowError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details?: Json;

  constructor(error: JobError, options?: ErrorOptions) {
    super(error.message, options);
    this.code = error.code;
    this.kind = error.kind;
    if (error.details !== undefined) this.details = error.details;
  }
}

/** What is kept of a thrown value. Errors without a code become `GW_UNEXPECTED`, without a kind `retryable`. */
export function toJobError(thrown: unknown): JobError {
  if (!(thrown instanceof Error)) return { code: 'GW_UNEXPECTED', message: plainText(thrown), kind: 'retryable' };
  const fields = thrown as Error & Record<string, unknown>;
  const context: Record<string, Json> = {};
  for (const name of CONTEXT) {
    const value = fields[name];
    if (typeof value === 'string' || typeof value === 'number') context[name] = value;
  }
  const own = toJson(fields['details']);
  const details = own === undefined ? (Object.keys(context).length > 0 ? context : undefined)
    : isPlainObject(own) ? { ...context, ...own } : own;
  return {
    code: typeof fields['code'] === 'string' && fields['code'] !== '' ? fields['code'] : 'GW_UNEXPECTED',
    message: thrown.message || thrown.name,
    kind: typeof fields['kind'] === 'string' && KINDS.includes(fields['kind']) ? (fields['kind'] as ErrorKind) : 'retryable',
    ...(details === undefined ? {} : { details }),
  };
}

/** A copy that JSON can hold; `undefined` for what it cannot (cycles, functions). */
export function toJson(value: unknown): Json | undefined {
  if (value === undefined) return undefined;
  try {
    const text = JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v)) as string | undefined;
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

function isPlainObject(value: Json): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(toJson(value) ?? null);
}
