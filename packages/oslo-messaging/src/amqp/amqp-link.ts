import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { AsyncMessage, Channel, Connection } from 'rabbitmq-client';
import { createDeferred } from '../deferred.ts';
import { RpcError } from '../errors.ts';
import type { Delivery, ExchangeDeclaration, Link, Publication, PublishOutcome, QueueDeclaration } from '../transport.ts';
import { isNotFound, operationError, textOf } from './errors.ts';

const MAX_IDLE_CHANNELS = 8;
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
  #reason: RpcError | undefined;

  constructor(connection: Connection, confirmTimeoutMs: number) {
    this.#connection = connection;
    this.#confirmTimeoutMs = confirmTimeoutMs;
    this.closed = this.#gone.promise;
  }

  /** The connection has ended. */
  lost(error: unknown): void {
    if (this.#reason) return;
    this.#reason = error instanceof RpcError
      ? error
      : new RpcError('RPC_DISCONNECTED', `The connection to the broker was lost: ${textOf(error)}.`, { cause: error, delivered: 'maybe' });
    this.#gone.resolve(this.#reason);
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    const { exchange, routingKey, body, messageId, persistent, mandatory, expirationMs } = publication;
    const envelope = {
      exchange,
      routingKey,
      messageId,
      mandatory,
      durable: persistent,
      priority: 0,
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      ...(expirationMs === undefined ? {} : { expiration: String(Math.max(1, Math.ceil(expirationMs))) }),
    };
    return this.#withChannel(`a message to ${exchange || 'queue'} ${routingKey}`, async (channel) => {
      let returned = false;
      const onReturn = (): void => {
        returned = true;
      };
      channel.on('basic.return', onReturn);
      try {
        await this.#confirmed(channel.basicPublish(envelope, body));
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
    const channel = await this.#openChannel(`to consume queue ${queue}`);
    let ended = false;
    const end = (): void => {
      if (ended || this.#reason) return;
      ended = true;
      onCancel();
    };
    channel.on('basic.cancel', end);
    channel.on('close', end);
    try {
      await channel.basicConsume({ queue, noAck: true }, (message) => {
        if (!ended) onMessage({ body: bytes(message), exchange: message.exchange, routingKey: message.routingKey });
      });
    } catch (error) {
      ended = true;
      throw operationError(error, `to consume queue ${queue}`, !this.#reason);
    }
    return {
      cancel: async () => {
        ended = true;
        await channel.close();
      },
    };
  }

  async close(): Promise<void> {
    const orderly = (async () => {
      await Promise.all([...this.#open].map((channel) => channel.close()));
      await this.#connection.close();
    })();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    this.lost(new RpcError('RPC_CLOSED', 'The client was closed.', { delivered: 'maybe' }));
    await Promise.race([orderly.catch(() => undefined), late]);
    clearTimeout(timer);
    this.#connection.unsafeDestroy();
  }

  /**
   * A message that the broker does not confirm in time may still sit in our socket and be delivered when a cut network heals,
   * long after its sender gave up (a frozen guest that nobody thaws). So the connection is reset, which discards it.
   */
  async #confirmed(publish: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new RpcError('RPC_DISCONNECTED', `The broker did not confirm a message within ${this.#confirmTimeoutMs} ms.`, { delivered: 'maybe' });
        this.lost(error);
        this.#reset();
        reject(error);
      }, this.#confirmTimeoutMs);
    });
    publish.catch(() => undefined);
    try {
      await Promise.race([publish, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #reset(): void {
    const socket = (this.#connection as unknown as { _socket?: Partial<Socket> })._socket;
    if (socket?.resetAndDestroy) socket.resetAndDestroy();
    this.#connection.unsafeDestroy();
  }

  async #withChannel<T>(what: string, use: (channel: Channel) => Promise<T>): Promise<T> {
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

function bytes(message: AsyncMessage): Buffer {
  const body: unknown = message.body;
  if (Buffer.isBuffer(body)) return body;
  // The library parses JSON by itself when a sender leaves the encoding out.
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
}
