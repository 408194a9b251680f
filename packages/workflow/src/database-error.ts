import { isTransient } from './db.ts';
import { WorkflowError } from './errors.ts';

/**
 * What is told when the database cannot be used: retryable when it is away, terminal when it refuses (a wrong password, a database that is not
 * there). Says which database, but never the password.
 */
export function databaseError(e: unknown, databaseUrl: string): WorkflowError {
  if (e instanceof WorkflowError) return e;
  const told = ofTheDriver(e) ?? e;
  const where = URL.canParse(databaseUrl) ? named(new URL(databaseUrl)) : 'that is named';
  const cause = told instanceof AggregateError ? told.errors.map((x: Error) => x.message).join('; ') : (told as Error).message;
  return new WorkflowError({
    code: 'GW_DATABASE', kind: isTransient(told) ? 'retryable' : 'terminal',
    message: `The PostgreSQL database ${where} cannot be used: ${cause}. Check DATABASE_URL, and that the server runs and lets this role create tables.`,
  }, { cause: e });
}

const named = (url: URL): string => `"${url.pathname.slice(1)}" at ${url.searchParams.get('host') ?? url.host} as "${url.username}"`;

const OF_SOCKETS: ReadonlySet<string> = new Set(['connect', 'getaddrinfo', 'read', 'write']);

/** The driver's own error, also inside of what the engine (as `error`) or somebody else (as `cause`) has made of it. */
export function ofTheDriver(e: unknown): Error | undefined {
  let at = e;
  for (let depth = 0; at instanceof Error && depth < 5; depth++) {
    const { severity, syscall, error, kind } = at as { severity?: unknown; syscall?: string; error?: unknown; kind?: unknown };
    // PostgreSQL's answers have a severity. A file that is missing is told by the same codes as a socket, but of another call.
    if (typeof kind !== 'string' && (typeof severity === 'string' || (isTransient(at) && (syscall === undefined || OF_SOCKETS.has(syscall))))) return at;
    at = error instanceof Error ? error : at.cause;
  }
  return undefined;
}
