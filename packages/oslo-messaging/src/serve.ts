import type { RpcClock } from './clock.ts';
import { decodeRequest, encodeReply, type ReplyAddress, type Request } from './envelope.ts';
import { RpcError } from './errors.ts';
import { encodeFailure, remoteFailure } from './failure.ts';
import type { RpcLog } from './log.ts';
import { fanoutExchange, routingKey } from './routing.ts';
import type { Link } from './transport.ts';
import type { RpcTarget, ServeHandler } from './types.ts';

/** As oslo.messaging: so many last ids are remembered, to drop a message that the broker delivers twice. */
const REMEMBERED_IDS = 16;
const FANOUT_QUEUE_EXPIRES_MS = 1_800_000;

export interface ServiceOptions {
  readonly target: RpcTarget;
  readonly handler: ServeHandler;
  readonly clock: RpcClock;
  readonly newId: () => string;
  readonly log: RpcLog;
}

/** A served topic; laid out on each new link as oslo.messaging's servers do. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #seen: string[] = [];
  readonly #fanoutQueue: string;
  #link: Link | undefined;
  #consumers: { cancel(): Promise<void> }[] = [];

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#fanoutQueue = `${fanoutExchange(options.target)}_${options.newId()}`;
  }

  async establish(link: Link): Promise<void> {
    const { target, log } = this.#options;
    const { exchange, topic } = target;
    await link.declareExchange({ exchange, type: 'topic', durable: false, autoDelete: false });
    await link.declareExchange({ exchange: fanoutExchange(target), type: 'fanout', durable: false, autoDelete: true });
    const queues = [...new Set([topic, routingKey(target)])];
    for (const queue of queues) {
      await link.declareQueue({ queue, durable: false, exclusive: false, autoDelete: false });
      await link.bindQueue(queue, exchange, queue);
    }
    await link.declareQueue({
      queue: this.#fanoutQueue, durable: false, exclusive: false, autoDelete: false, arguments: { 'x-expires': FANOUT_QUEUE_EXPIRES_MS },
    });
    await link.bindQueue(this.#fanoutQueue, fanoutExchange(target), topic);
    this.#link = link;
    this.#consumers = [];
    for (const queue of [...queues, this.#fanoutQueue]) {
      const cancelled = (): void => log('warn', 'the broker ended a consumer', { queue });
      this.#consumers.push(await link.consume(queue, ({ body }) => this.#receive(link, body, queue === this.#fanoutQueue), cancelled));
    }
  }

  async close({ deleteQueues = false }: { readonly deleteQueues?: boolean } = {}): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    await Promise.all(this.#consumers.map((consumer) => consumer.cancel()));
    const { target } = this.#options;
    const doomed = [this.#fanoutQueue, ...(deleteQueues ? [target.topic, routingKey(target)] : [])];
    // A link that is gone has nothing left that could be tidied up.
    for (const queue of doomed) await link?.deleteQueue(queue).catch(() => undefined);
  }

  #receive(link: Link, body: Buffer, fanout: boolean): void {
    const { log } = this.#options;
    let request: Request;
    try {
      request = decodeRequest(body);
    } catch (error) {
      log('warn', 'ignored a request that cannot be read', { reason: (error as Error).message });
      return;
    }
    if (request.uniqueId !== undefined) {
      if (this.#seen.includes(request.uniqueId)) return;
      this.#seen.push(request.uniqueId);
      if (this.#seen.length > REMEMBERED_IDS) this.#seen.shift();
    }
    this.#execute(link, request, fanout).catch((error: unknown) => {
      log('warn', 'could not send a reply', { method: request.method, reason: (error as Error).message });
    });
  }

  async #execute(link: Link, request: Request, fanout: boolean): Promise<void> {
    const { target, handler, log } = this.#options;
    const { method, args, context, version, namespace, reply } = request;
    const stopBeats = reply ? this.#beat(link, reply) : () => undefined;
    let result: unknown;
    let failure: string | undefined;
    try {
      if (!accepts(target.version, version)) throw unsupported(version, method);
      result = await handler(method, args, context, { version, expectsReply: reply !== undefined, fanout, ...(namespace === undefined ? {} : { namespace }) });
    } catch (error) {
      failure = encodeFailure(error);
      if (!reply) log('warn', 'a cast failed', { method, reason: (error as Error).message });
    } finally {
      stopBeats();
    }
    if (reply) await this.#reply(link, reply, { ending: true, result, ...(failure === undefined ? {} : { failure }) });
  }

  /** Heart-beats of a long call, every half of the seconds that its caller named. */
  #beat(link: Link, reply: ReplyAddress): () => void {
    const { clock } = this.#options;
    if (!reply.heartbeatSeconds) return () => undefined;
    const interval = Math.max(1, reply.heartbeatSeconds / 2) * 1000;
    let cancel = (): void => undefined;
    const next = (): void => {
      cancel = clock.after(interval, () => {
        this.#reply(link, reply, { ending: false }).catch(() => undefined);
        next();
      });
    };
    next();
    return () => cancel();
  }

  async #reply(link: Link, { messageId, replyQueue }: ReplyAddress, what: { ending: boolean; result?: unknown; failure?: string }): Promise<void> {
    const uniqueId = this.#options.newId();
    const outcome = await link.publish({
      exchange: '', routingKey: replyQueue, body: encodeReply({ messageId, uniqueId, ...what }), messageId: uniqueId, persistent: true, mandatory: true,
    });
    if (outcome !== 'routed') throw new RpcError('RPC_NO_ROUTE', `The caller's reply queue ${replyQueue} is gone.`);
  }
}

const numbers = (version: string): [number, number] => {
  const [major, minor] = version.split('.').map(Number);
  return [major ?? 0, minor ?? 0];
};

/** oslo.messaging's rule: the same major version, and a minor one that is not newer than the server's. */
function accepts(served: string, asked: string): boolean {
  const [major, minor] = numbers(served);
  const [askedMajor, askedMinor] = numbers(asked);
  return major === askedMajor && askedMinor <= minor;
}

const unsupported = (version: string, method: string): RpcError =>
  remoteFailure({
    class: 'UnsupportedVersion',
    module: 'oslo_messaging.rpc.dispatcher',
    message: `Endpoint does not support RPC version ${version}. Attempted method: ${method}`,
  });
