/**
 * - terminal: trying again changes nothing; someone must act.
 * - retryable: may pass by itself; steps try again with back-off.
 * - waiting: something has to come back first (a site, a daemon); waited for without counting tries.
 */
export type ErrorKind = 'terminal' | 'retryable' | 'waiting';

export interface ErrorFacts {
  readonly site?: string | undefined;
  /** What it is about, `server vm1`, `volume 4f…` */
  readonly resource?: string | undefined;
  /** OpenStack's request id, to find the same event in the site's logs. */
  readonly requestId?: string | undefined;
  /** What a person can do about it. One sentence. */
  readonly action?: string | undefined;
  readonly details?: unknown;
  readonly cause?: unknown;
}

/** Every error that leaves Godwit. `code` is stable and listed in docs/errors.md. */
export class GodwitError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly site: string | undefined;
  readonly resource: string | undefined;
  readonly requestId: string | undefined;
  readonly action: string | undefined;
  readonly details: unknown;

  constructor(code: `GW_${string}`, kind: ErrorKind, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.name = 'GodwitError';
    this.code = code;
    this.kind = kind;
    this.site = facts.site;
    this.resource = facts.resource;
    this.requestId = facts.requestId;
    this.action = facts.action;
    this.details = facts.details;
  }

  toJSON(): Record<string, unknown> {
    const { code, kind, message, site, resource, requestId, action, details } = this;
    return { code, kind, message, site, resource, requestId, action, details };
  }
}
