import type { ErrorKind } from './types.ts';

/** Every code of this package, with how a caller should treat it. */
export const RPC_ERRORS = {
  /** The transport URL cannot be read. */
  RPC_BAD_URL: 'terminal',
  /** The caller asked for something this package refuses: a queue name that is not ours, casts with different targets, … */
  RPC_BAD_REQUEST: 'terminal',
  /** An argument holds a versioned object in a version that the site may not know. Nothing was sent. */
  RPC_UNSAFE_OBJECT_VERSION: 'terminal',
  /** No host of the URL could be connected to. */
  RPC_UNREACHABLE: 'retryable',
  /** The broker refused user, password or virtual host. */
  RPC_AUTH: 'terminal',
  /** The broker's certificate is not trusted, or it refused ours. */
  RPC_TLS: 'terminal',
  /** The connection was lost while something was under way; the message may or may not have been delivered. */
  RPC_DISCONNECTED: 'retryable',
  /** The client was closed. */
  RPC_CLOSED: 'terminal',
  /** The caller's signal ended the wait. */
  RPC_ABORTED: 'terminal',
  /** Nobody listens there: no queue is bound, or the exchange does not exist. Nothing was delivered. */
  RPC_NO_ROUTE: 'retryable',
  /** The broker refused an operation: permission, or another definition of the same queue. */
  RPC_REFUSED: 'terminal',
  /** The broker did not take responsibility for a message. */
  RPC_NOT_CONFIRMED: 'retryable',
  /** No answer in time; the server may still be at work. */
  RPC_TIMEOUT: 'retryable',
  /** The server's answer cannot be read. */
  RPC_BAD_REPLY: 'terminal',
  /** The server's method raised; `remote` tells what. */
  RPC_REMOTE: 'terminal',
  /** The server does not implement this version of the method. */
  RPC_UNSUPPORTED_VERSION: 'terminal',
  /** The server refused the context's user. Nova hides other errors behind it when the context is empty. */
  RPC_FORBIDDEN: 'terminal',
} as const satisfies Record<string, ErrorKind>;

export type RpcErrorCode = keyof typeof RPC_ERRORS;

/** What the server's method raised, as oslo.messaging describes it. */
export interface RemoteError {
  /** Class name, e.g. `InstanceNotFound`. */
  readonly class: string;
  /** Its Python module, e.g. `nova.exception`. */
  readonly module: string;
  readonly message: string;
  readonly kwargs: Readonly<Record<string, unknown>>;
}

export interface RpcErrorDetails {
  readonly cause?: unknown;
  readonly remote?: RemoteError;
  readonly traceback?: string;
  readonly delivered?: 'no' | 'maybe' | 'yes';
}

export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: RpcErrorCode;
  readonly kind: ErrorKind;
  /** With RPC_REMOTE and its special cases. */
  declare readonly remote?: RemoteError;
  /**
   * Whether the message reached a server's queue: `no` is certain (it will never be executed), `yes` means the broker
   * confirmed it, `maybe` that the connection was lost before we knew.
   */
  readonly delivered: 'no' | 'maybe' | 'yes';
  /** The server's Python traceback; kept out of the message, and not enumerable so that no logger prints it by chance. */
  declare readonly traceback?: string;

  constructor(code: RpcErrorCode, message: string, details: RpcErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.kind = RPC_ERRORS[code];
    this.delivered = details.delivered ?? 'no';
    if (details.remote !== undefined) this.remote = details.remote;
    if (details.traceback !== undefined) Object.defineProperty(this, 'traceback', { value: details.traceback, enumerable: false });
  }

  /** The same error, told for another stage of delivery. */
  withDelivered(delivered: 'no' | 'maybe' | 'yes'): RpcError {
    return new RpcError(this.code, this.message, {
      cause: this.cause,
      delivered,
      ...(this.remote === undefined ? {} : { remote: this.remote }),
      ...(this.traceback === undefined ? {} : { traceback: this.traceback }),
    });
  }
}
