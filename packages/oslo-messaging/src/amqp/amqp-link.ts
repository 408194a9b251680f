import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { AsyncMessage, Channel, Connection, Envelope } from 'rabbitmq-client';
import { createDeferred } from '../deferred.ts';
import { RpcError } from '../errors.ts';
import type { Delivery, ExchangeDeclaration, Link, Publication, PublishOutcome, QueueDeclaration } from '../transport.ts';
import { isNotFound, operationError, textOf } from './errors.ts';
import { resetSocket } from './socket.ts';

const MAX_IDLE_CHANNELS = 8;
/** Operations at a time; further ones wait. A broker allows some two thousand channels, and more would gain nothing. */
const MAX_BUSY_CHANNELS = 64;
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * One connection. Every operation has a channel to itself while it lasts: a channel error (a missing exchange, a refused
 * queue) then harms nothing else, and a returned message or an error belongs to its publish without doubt.
 */
export class AmqpLink implements Link {
  readonly closed: Promise<RpcError>;
  readonly #connection: Connection;
  readonly #confirmTimeoutMs: number;
  readonly #gone = createDeferred<RpcError>();
  readonly #idle: Channel[] = [];
  readonly #open = new Set<Channel>();
  readonly #line: (() => void)[] = [];
  #busy = 0;
  #reason: RpcError | undefined;
  /** Why the broker takes no messages just now (memory or disk alarm); what it holds already it still delivers. */
  #blocked: string | undefined;

  constructor(connection: Connection, confirmTimeoutMs: number) {
    this.#connection = connection;
    this.#confirmTimeoutMs = confirmTimeoutMs;
    this.closed = this.#gone.promise;
    connection.on('connection.blocked', (reason) => {
      this.#blocked = reason;
    });
    connection.on('connection.unblocked', () => {
      this.#blocked = undefined;
    });
  }

  /** The connection has ended. */
  lost(error: unknown): void {
    if (this.#reason) return;
    this.#reason = error instanceof RpcError
      ? error
      : new RpcError('RPC_DISCONNECTED', `The connection to the broker was lost: ${textOf(error)}.`, { cause: error, delivered: 'maybe' });
    this.#gone.resolve(this.#reason);
  }

  publish(...publications: readonly Publication[]): Promise<PublishOutcome> {
    const { exchange = '', routingKey = '' } = publications[0] ?? {};
    return this.#withChannel(`to take a message for ${exchange || 'queue'} ${routingKey}`, async (channel) => {
      let returned = false;
      const onReturn = (): void => {
        returned = true;
      };
      channel.on('basic.return', onReturn);
      try {
        await Promise.all(publications.map((publication) => channel.basicPublish(envelope(publication), publication.body)));
        // The broker sends a return before the confirm, but the library tells it one turn of the event loop later.
        await turn();
        return returned ? 'no-queue' : 'routed';
      } catch (error) {
        if (!this.#reason && isNotFound(error)) return 'no-exchange';
        throw error;
      } finally {
        channel.off('basic.return', onReturn);
      }
    });
  }

  declareQueue(declaration: QueueDeclaration): Promise<void> {
    return this.#withChannel(`to declare queue ${declaration.queue}`, async (channel) => {
      await channel.queueDeclare({ ...declaration, ...(declaration.arguments ? { arguments: { ...declaration.arguments } } : {}) });
    });
  }

  countMessages(queue: string): Promise<number | undefined> {
    return this.#withChannel(`to look at queue ${queue}`, async (channel) => {
      try {
        return (await channel.queueDeclare({ queue, passive: true })).messageCount;
      } catch (error) {
        if (!this.#reason && isNotFound(error)) return undefined;
        throw error;
      }
    });
  }

  deleteQueue(queue: string): Promise<number> {
    return this.#withChannel(`to delete queue ${queue}`, async (channel) => {
      try {
        return (await channel.queueDelete({ queue })).messageCount;
      } catch (error) {
        if (!this.#reason && isNotFound(error)) return 0;
        throw error;
      }
    });
  }

  declareExchange(declaration: ExchangeDeclaration): Promise<void> {
    return this.#withChannel(`to declare exchange ${declaration.exchange}`, (channel) => channel.exchangeDeclare({ ...declaration }));
  }

  bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#withChannel(`to bind queue ${queue} to ${exchange}`, (channel) => channel.queueBind({ queue, exchange, routingKey }));
  }

  async consume(queue: string, onMessage: (delivery: Delivery) => void, onCancel: () => void): Promise<{ cancel(): Promise<void> }> {
    const what = `to consume queue ${queue}`;
    const channel = await this.#inTime(this.#openChannel(what));
    let ended = false;
    const end = (): void => {
      // When the connection is lost, its channels are told before we are: one turn later we know.
      setImmediate(() => {
        if (ended || this.#reason) return;
        ended = true;
        onCancel();
      });
    };
    channel.on('basic.cancel', end);
    channel.on('close', end);
    const started = channel.basicConsume({ queue, noAck: true }, (message) => {
      if (!ended) onMessage({ body: bytes(message), exchange: message.exchange, routingKey: message.routingKey });
    });
    try {
      await this.#inTime(started);
    } catch (error) {
      ended = true;
      throw operationError(error, what, !this.#reason);
    }
    return {
      cancel: async () => {
        ended = true;
        await channel.close();
      },
    };
  }

  async close(reason = new RpcError('RPC_CLOSED', 'The client was closed.', { delivered: 'maybe' })): Promise<void> {
    const orderly = (async () => {
      await Promise.all([...this.#open].map((channel) => channel.close()));
      await this.#connection.close();
    })();
    this.lost(reason);
    await Promise.race([orderly.catch(() => undefined), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    this.#connection.unsafeDestroy();
  }

  /**
   * A message that the broker does not confirm in time may still sit in our socket and be delivered when a cut network heals,
   * long after its sender gave up (a frozen guest that nobody thaws). So the connection is reset, which discards it.
   */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const hint = this.#blocked === undefined ? '' : ` It takes no messages at present: ${this.#blocked}.`;
        const error = new RpcError('RPC_DISCONNECTED', `The broker did not answer within ${this.#confirmTimeoutMs} ms.${hint}`, { delivered: 'maybe' });
        this.lost(error);
        resetSocket(this.#connection);
        reject(error);
      }, this.#confirmTimeoutMs);
    });
    work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs an operation on a channel of its own. */
  async #withChannel<T>(what: string, use: (channel: Channel) => Promise<T>): Promise<T> {
    // The one who leaves hands its place on, so that nobody can slip in between.
    if (this.#busy < MAX_BUSY_CHANNELS) this.#busy += 1;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await this.#inTime(this.#borrow(what, use));
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#busy -= 1;
    }
  }

  async #borrow<T>(what: string, use: (channel: Channel) => Promise<T>): Promise<T> {
    let channel = this.#idle.pop();
    while (channel && !channel.active) channel = this.#idle.pop();
    channel ??= await this.#openChannel(what, true);
    try {
      return await use(channel);
    } catch (error) {
      throw operationError(error, what, !this.#reason);
    } finally {
      if (channel.active) {
        if (this.#idle.length < MAX_IDLE_CHANNELS) this.#idle.push(channel);
        else void channel.close();
      }
    }
  }

  async #openChannel(what: string, confirm = false): Promise<Channel> {
    if (this.#reason) throw new RpcError('RPC_DISCONNECTED', this.#reason.message, { cause: this.#reason });
    try {
      const channel = await this.#connection.acquire({ emitErrorsFromChannel: true });
      // Told by the operation that failed, or by 'close'; without a listener it would end the process.
      channel.on('error', () => undefined);
      this.#open.add(channel);
      channel.on('close', () => this.#open.delete(channel));
      if (confirm) await channel.confirmSelect();
      return channel;
    } catch (error) {
      // Nothing has been sent yet.
      throw operationError(error, what, !this.#reason).withDelivered('no');
    }
  }
}

const envelope = ({ exchange, routingKey, messageId, persistent, mandatory, expirationMs }: Publication): Envelope => ({
  exchange,
  routingKey,
  messageId,
  mandatory,
  durable: persistent,
  priority: 0,
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  ...(expirationMs === undefined ? {} : { expiration: String(Math.max(1, Math.ceil(expirationMs))) }),
});

function bytes(message: AsyncMessage): Buffer {
  const body: unknown = message.body;
  if (Buffer.isBuffer(body)) return body;
  // The library parses JSON by itself when a sender leaves the encoding out.
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
}
