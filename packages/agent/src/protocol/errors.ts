export type ErrorKind = 'terminal' | 'retryable' | 'waiting';

/** An error that crosses the wire, or ends the program. Its text never holds a key, a password or a token. */
export class AgentError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  /** What a person can do about it. */
  readonly action: string | undefined;

  constructor(code: `GW_${string}`, kind: ErrorKind, message: string, facts: { readonly action?: string; readonly cause?: unknown } = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.name = 'AgentError';
    this.code = code;
    this.kind = kind;
    this.action = facts.action;
  }
}

/** What went wrong, for a log line or a problem: the system's own words without what lies behind them. */
export const reason = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error));
