import type { RpcClock } from './clock.ts';
import { createDeferred, type Deferred } from './deferred.ts';
import { decodeReply, encodeRequest, type Reply } from './envelope.ts';
import { RpcError } from './errors.ts';
import { decodeFailure } from './failure.ts';
import type { LinkKeeper } from './keeper.ts';
import type { RpcLog } from './log.ts';
import { describeTarget, noRoute, routingKey } from './routing.ts';
import type { Link } from './transport.ts';
import type { CallOptions, PendingCall, RpcMessage } from './types.ts';
import { assertSafeObjects } from './versioned-object.ts';

/** Calls given up whose reply may still come; beyond this the oldest count as lost, so that a dead server cannot fill our memory. */
const MAX_LATE = 10_000;

interface Call {
  readonly id: string;
  readonly message: RpcMessage;
  readonly options: CallOptions;
  readonly result: Deferred<unknown>;
  readonly settled: Deferred<'replied' | 'lost'>;
  link: Link | undefined;
  delivered: 'no' | 'maybe' | 'yes';
  /** The result has been given: an answer, or an error. */
  done: boolean;
  partial: Reply | undefined;
  cancelTimer: () => void;
}

export interface CallsOptions {
  readonly keeper: () => LinkKeeper;
  readonly replyQueue: (link: Link) => string;
  readonly clock: RpcClock;
  readonly newId: () => string;
  readonly log: RpcLog;
}

/** The calls under way, and those given up whose reply may still come. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #calls = new Map<string, Call>();
  readonly #late = new Set<Call>();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  start(message: RpcMessage, options: CallOptions): PendingCall {
    const { clock, newId } = this.#options;
    const call: Call = {
      id: newId(), message, options, result: createDeferred(), settled: createDeferred(),
      link: undefined, delivered: 'no', done: false, partial: undefined, cancelTimer: () => undefined,
    };
    this.#calls.set(call.id, call);
    call.cancelTimer = clock.after(options.timeoutMs, () => this.#expire(call, options.timeoutMs));
    const abort = (): void => this.#giveUp(call, new RpcError('RPC_ABORTED', `${message.method} at ${describeTarget(message.target)} was given up by its caller.`));
    if (options.signal?.aborted) abort();
    else {
      options.signal?.addEventListener('abort', abort, { once: true });
      call.result.promise.then(() => undefined, () => undefined).finally(() => options.signal?.removeEventListener('abort', abort)).catch(() => undefined);
    }
    if (!call.done) this.#send(call).catch((error: unknown) => this.#sendFailed(call, error));
    return { messageId: call.id, result: call.result.promise, settled: call.settled.promise };
  }

  /** A message of the reply queue. */
  onReply(body: Buffer): void {
    let reply: Reply;
    try {
      reply = decodeReply(body);
    } catch (error) {
      this.#options.log('warn', 'ignored a reply that cannot be read', { reason: (error as Error).message });
      return;
    }
    const call = this.#calls.get(reply.messageId);
    if (!call) {
      this.#options.log('debug', 'ignored a reply that nobody waits for', { messageId: reply.messageId });
      return;
    }
    if (!reply.ending) return this.#onPart(call, reply);
    // Some servers send the answer first and the end as a message of its own.
    const { result, failure } = call.partial && (reply.result ?? reply.failure ?? null) === null ? call.partial : reply;
    if (failure) this.#fail(call, decodeFailure(failure, `${call.message.method} at ${describeTarget(call.message.target)}`));
    else this.#succeed(call, result);
    this.#settle(call, 'replied');
  }

  /** The link is gone, and with it the reply queue. */
  onLost(link: Link, reason: RpcError): void {
    for (const call of [...this.#calls.values()].filter((each) => each.link === link)) {
      this.#fail(call, new RpcError(
        reason.code === 'RPC_CLOSED' ? 'RPC_CLOSED' : 'RPC_DISCONNECTED',
        `The answer of ${call.message.method} at ${describeTarget(call.message.target)} is lost: ${reason.message}`,
        { cause: reason, delivered: call.delivered },
      ));
      this.#settle(call, 'lost');
    }
  }

  /** Ends what was never sent. */
  close(): void {
    for (const call of [...this.#calls.values()]) this.#giveUp(call, new RpcError('RPC_CLOSED', 'The client was closed.', { delivered: call.delivered }));
  }

  async #send(call: Call): Promise<void> {
    const { message, options } = call;
    const { clock, keeper, replyQueue, newId } = this.#options;
    assertSafeObjects(message.args);
    const started = clock.now();
    const link = await keeper().ready(options.timeoutMs);
    // Given up meanwhile: a message sent now would be executed for nobody.
    if (call.done) return;
    const left = options.timeoutMs - (clock.now() - started);
    const heartbeatSeconds = options.heartbeatSeconds ?? null;
    const body = encodeRequest(message, newId(), { messageId: call.id, replyQueue: replyQueue(link), heartbeatSeconds });
    call.link = link;
    call.delivered = 'maybe';
    const outcome = await link.publish({
      exchange: message.target.exchange,
      routingKey: routingKey(message.target),
      body,
      messageId: call.id,
      persistent: true,
      mandatory: true,
      // A server that comes back later must not execute what its caller has long given up.
      expirationMs: left,
    });
    if (outcome !== 'routed') throw noRoute(message.target, outcome);
    call.delivered = 'yes';
  }

  #sendFailed(call: Call, cause: unknown): void {
    const error = cause instanceof RpcError ? cause : new RpcError('RPC_BAD_REQUEST', `Cannot send ${call.message.method}: ${String(cause)}`, { cause });
    call.delivered = error.delivered;
    this.#fail(call, error);
    if (error.delivered === 'no') this.#settle(call, 'lost');
  }

  #onPart(call: Call, reply: Reply): void {
    if (reply.failure || (reply.result ?? null) !== null) {
      call.partial = reply;
      return;
    }
    if (call.done) return;
    const { timeoutMs, heartbeatSeconds } = call.options;
    // Beats come every half of heartbeatSeconds: a silence of the whole is two of them missed.
    const silence = Math.min(timeoutMs, heartbeatSeconds === undefined ? timeoutMs : heartbeatSeconds * 1000);
    call.cancelTimer();
    call.cancelTimer = this.#options.clock.after(silence, () => this.#expire(call, silence));
  }

  #expire(call: Call, afterMs: number): void {
    const { message, delivered } = call;
    const what = `${message.method} at ${describeTarget(message.target)}`;
    if (call.link === undefined) {
      const problem = this.#options.keeper().problem;
      this.#giveUp(call, new RpcError(problem.code, `${what} was not sent: ${problem.message}`, { cause: problem }));
    } else {
      const hint = delivered === 'yes' ? 'It was delivered and may still be executed.' : 'The broker has not confirmed it.';
      this.#giveUp(call, new RpcError('RPC_TIMEOUT', `${what} did not answer within ${afterMs} ms. ${hint}`, { delivered }));
    }
  }

  #giveUp(call: Call, error: RpcError): void {
    if (call.done) return;
    this.#fail(call, call.link === undefined ? error : error.withDelivered(call.delivered));
    if (call.link === undefined) return this.#settle(call, 'lost');
    this.#late.add(call);
    if (this.#late.size > MAX_LATE) for (const oldest of this.#late) return this.#settle(oldest, 'lost');
  }

  #succeed(call: Call, result: unknown): void {
    call.done = true;
    call.cancelTimer();
    call.result.resolve(result);
  }

  #fail(call: Call, error: RpcError): void {
    if (call.done) return;
    call.done = true;
    call.cancelTimer();
    if (error.traceback) this.#options.log('debug', 'traceback of a remote error', { messageId: call.id, traceback: error.traceback });
    call.result.reject(error);
  }

  #settle(call: Call, how: 'replied' | 'lost'): void {
    this.#calls.delete(call.id);
    this.#late.delete(call);
    call.settled.resolve(how);
  }
}
