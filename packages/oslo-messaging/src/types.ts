/** How an error should be treated by a caller: see docs/errors.md. */
export type ErrorKind = 'terminal' | 'retryable' | 'waiting';

/** Request context of an RPC, flattened by us into `_context_<key>`. */
export interface RpcContext {
  readonly isAdmin: boolean;
  readonly userId: string;
  readonly projectId: string;
  readonly roles: readonly string[];
  /** `req-<uuid>`: appears in the service's own log beside everything the message causes. */
  readonly requestId?: string;
}

/** Where a message goes: a server of a topic on a service's control exchange (`nova`, `neutron`). */
export interface RpcTarget {
  readonly exchange: string;
  readonly topic: string;
  /** Left out: any server of the topic. */
  readonly server?: string;
  /** RPC API version the message asks for, e.g. `6.0`. */
  readonly version: string;
  readonly namespace?: string;
}

export interface RpcMessage {
  readonly target: RpcTarget;
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: RpcContext;
}

export interface CallOptions {
  /** Milliseconds until the caller gives up. The reply may still come: see {@link PendingCall.settled}. */
  readonly timeoutMs: number;
  /** Ask the server for heart-beats of a long call, every half of this many seconds (oslo's `_timeout`, an integer). */
  readonly heartbeatSeconds?: number;
  readonly signal?: AbortSignal;
}

/** A call under way. */
export interface PendingCall {
  readonly messageId: string;
  /** The answer, or RpcError: RPC_TIMEOUT after timeoutMs, RPC_NO_ROUTE at once, RPC_REMOTE_…, RPC_DISCONNECTED. */
  readonly result: Promise<unknown>;
  /**
   * Resolves when the server's own reply (success or failure) has arrived, however late, even after `result` timed out;
   * with `lost` when it can never arrive: the connection that held the reply queue is gone, or nothing was sent at all
   * (the error of `result` tells: {@link RpcError.delivered}).
   */
  readonly settled: Promise<'replied' | 'lost'>;
}

/** What a server's handler learns about a message beside its arguments. */
export interface ServedMessage {
  readonly version: string;
  readonly namespace?: string;
  /** False: a cast; what the handler returns or throws goes nowhere. */
  readonly expectsReply: boolean;
  /** Received on the topic's fan-out exchange. */
  readonly fanout: boolean;
}

/** Plays one RPC method. To fail as a service fails, throw `remoteFailure(…)`; any other error becomes a plain Exception. */
export type ServeHandler = (
  method: string,
  args: Record<string, unknown>,
  context: Record<string, unknown>,
  message: ServedMessage,
) => Promise<unknown>;

/** A topic being served. */
export interface RpcService {
  /**
   * Stops receiving. The topic's queues stay, and collect messages, as those of a stopped daemon do, unless `deleteQueues` is
   * set.
   */
  close(options?: { readonly deleteQueues?: boolean }): Promise<void>;
}

/** One message of a holding queue: published to its target when `afterMs` have passed, by the broker itself. */
export interface HeldCast {
  readonly message: RpcMessage;
  readonly afterMs: number;
}

/** What a topic's servers were told. */
export interface HeardMessage {
  readonly method: string;
  readonly args: Record<string, unknown>;
  readonly version: string;
}

export interface RpcListener {
  /** False once the broker ended it or the connection was lost: listen anew. */
  readonly active: boolean;
  close(): Promise<void>;
}

export interface RpcClient {
  /** Resolves when connected, rejects with RPC_UNREACHABLE / RPC_AUTH. */
  ready(timeoutMs?: number): Promise<void>;
  call(message: RpcMessage, options: CallOptions): PendingCall;
  /** Resolves when the broker has confirmed the message; RPC_NO_ROUTE when nobody listens. */
  cast(message: RpcMessage): Promise<void>;
  fanout(message: RpcMessage): Promise<void>;
  /**
   * Dead-man switch: a durable queue of our own whose messages the broker dead-letters to their target when their time has
   * come, whatever became of us. All casts must share exchange, topic and server (a queue has one dead-letter route), and are
   * sent in the order of afterMs. Resolves when every message is confirmed by the broker; when it rejects, some messages may
   * be there: release it. An existing queue of that name is replaced without a gap: at every moment the broker holds the old
   * casts, the new ones, or both.
   *
   * Messages outlive a SIGKILL of the broker (RabbitMQ 4.0, classic queue), and their time goes on meanwhile: what fell due is
   * sent when it starts. But a message whose exchange or queue does not exist at its moment is lost, and a restarted broker
   * has none of a service's until the service has reconnected: hold several casts, spread over a minute or more.
   * @param queue name; must begin with `godwit.`
   */
  hold(queue: string, casts: readonly HeldCast[]): Promise<void>;
  /** Deletes a holding queue; one that is not there is success. Resolves with the number of messages it still held. */
  release(queue: string): Promise<number>;
  /** Whether a holding queue exists, and how many messages it still holds. */
  held(queue: string): Promise<number | undefined>;
  /** Serves a topic (tests, emulator, virtual agents). */
  serve(target: RpcTarget, handler: ServeHandler): Promise<RpcService>;
  /**
   * Hears what a service tells all servers of a topic, without being one of them: nobody's message is taken away.
   * RPC_REFUSED while the topic's fan-out exchange is not there (no server of it runs) or may not be read.
   */
  listen(topic: string, onMessage: (message: HeardMessage) => void): Promise<RpcListener>;
  readonly connected: boolean;
  close(): Promise<void>;
}
