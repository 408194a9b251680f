import { exit } from './exit-codes.ts';

export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly site?: string;
  readonly resource?: string;
  readonly action?: string;
  readonly requestId?: string;
}

export interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly site?: string | undefined;
  readonly resource?: string | undefined;
  /** What to do about it. */
  readonly action?: string | undefined;
  readonly requestId?: string | undefined;
  readonly kind?: string | undefined;
  /** Id of the request in the server's log. */
  readonly instance?: string | undefined;
  readonly details?: unknown;
}

/** Every error that ends a command, with the exit code that it ends it with. */
export class CliError extends Error {
  readonly facts: ErrorFacts;
  readonly exitCode: number;

  constructor(facts: ErrorFacts, exitCode: number) {
    super(facts.message);
    this.name = 'CliError';
    this.facts = facts;
    this.exitCode = exitCode;
  }

  /** What a preflight found, when that is why. */
  get findings(): readonly Finding[] {
    return findingsOf(this.facts.details) ?? [];
  }
}

/** The findings of a report (of a dry run, or in the details of a refused job's error). */
export function findingsOf(details: unknown): readonly Finding[] | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const { ok, findings } = details as { ok?: unknown; findings?: unknown };
  return ok === false && Array.isArray(findings) ? (findings as Finding[]) : undefined;
}

export const usageError = (message: string, action?: string): CliError => new CliError({ code: 'GW_USAGE', message, action }, exit.usage);

/** Exit code of an error by its code and, if it came over HTTP, its status. */
export function exitOf(code: string, status?: number, details?: unknown): number {
  if (findingsOf(details)) return exit.refused;
  if (status === 401 || status === 403 || code === 'GW_IDENTITY_UNREACHABLE') return exit.auth;
  if (code === 'GW_INVALID_REQUEST') return exit.usage;
  if (status === 404 || code.endsWith('_UNKNOWN')) return exit.notFound;
  return exit.failed;
}

/** The error that a job ended with. What OpenStack said and where travels in its details. */
export function jobError(error: { code: string; message: string; kind: string; details?: unknown }): CliError {
  const details = (typeof error.details === 'object' && error.details !== null ? error.details : {}) as Record<string, unknown>;
  const text = (key: string): string | undefined => (typeof details[key] === 'string' ? details[key] : undefined);
  return new CliError(
    { ...error, site: text('site'), resource: text('resource'), requestId: text('requestId'), action: text('action') },
    findingsOf(error.details) ? exit.refused : exit.failed,
  );
}
