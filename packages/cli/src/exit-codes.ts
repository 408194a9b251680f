/** Documented in docs/reference/cli.md; scripts rely on them. */
export const exit = {
  ok: 0,
  /** A job or an operation failed. */
  failed: 1,
  /** The command line or the request is wrong. */
  usage: 2,
  /** No token, or one that may not do this. */
  auth: 3,
  notFound: 4,
  /** A check beforehand found what would have failed; nothing was changed. */
  refused: 5,
  /** godwit-server does not answer. */
  unreachable: 6,
  /** Ctrl-C. The job goes on. */
  interrupted: 130,
} as const;
