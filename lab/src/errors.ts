/** What a caller can do about it: `terminal` change something first, `retryable` try again, `waiting` it may still come. */
export type LabErrorKind = 'terminal' | 'retryable' | 'waiting';

/**
 * Every failure the lab reports. `code` is stable (`LAB_…`, listed in docs/operators/lab.md); the message says what, where and
 * what to do.
 */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: string;
  readonly kind: LabErrorKind;
  readonly site: string | undefined;

  constructor(code: string, message: string, options: { kind?: LabErrorKind; site?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.kind = options.kind ?? 'terminal';
    this.site = options.site;
  }
}

/** The message of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
