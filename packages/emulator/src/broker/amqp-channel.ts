import type { Delivery, ExchangeDeclaration, Link, Publication } from '@godwit/oslo-messaging';
import { content, type ContentHeader, FRAME, type Frame, METHOD, method, Reader, readContentHeader, Writer } from './wire.ts';

export interface ChannelPeer {
  readonly link: Link;
  /** `godwit` has few rights here, others have all. */
  readonly user: string;
  readonly frameMax: number;
  send(...frames: readonly Buffer[]): void;
  /** The channel is gone. */
  ended(): void;
}

/** Error that closes a channel, as RabbitMQ words it. */
class ChannelError extends Error {
  readonly code: number;
  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

const codes: Readonly<Record<string, number>> = { ACCESS_REFUSED: 403, NOT_FOUND: 404, RESOURCE_LOCKED: 405, PRECONDITION_FAILED: 406 };

/** One channel of a connection: its operations run one after another. */
export class AmqpChannel {
  readonly #id: number;
  readonly #peer: ChannelPeer;
  #line: Promise<void> = Promise.resolve();
  #confirming = false;
  #published = 0;
  #delivered = 0;
  #closed = false;
  #publishing: { exchange: string; routingKey: string; mandatory: boolean; header?: ContentHeader; body: Buffer[]; size: number } | undefined;
  readonly #consumers = new Map<string, { cancel(): Promise<void> }>();

  constructor(id: number, peer: ChannelPeer) {
    this.#id = id;
    this.#peer = peer;
  }

  /** What docs/operators/roles.md gives the user `godwit`: `^godwit\\.`, `^(godwit\\..*|nova|neutron|amq\\.default)$`, `^(godwit\\..*|q-agent-notifier-l2population-update_fanout)$`. */
  #allow(right: 'configure' | 'read' | 'write', what: 'queue' | 'exchange', name: string): void {
    const open = right === 'write' && what === 'exchange' && (name === '' || name === 'nova' || name === 'neutron');
    const heard = right === 'read' && what === 'exchange' && name === 'q-agent-notifier-l2population-update_fanout';
    if (this.#peer.user !== 'godwit' || open || heard || name.startsWith('godwit.')) return;
    throw new ChannelError(403, `ACCESS_REFUSED - ${right} access to ${what} '${name}' in vhost '/' refused for user 'godwit'`);
  }

  receive({ type, payload }: Frame): void {
    if (type === FRAME.method) {
      const id = payload.readUInt32BE(0);
      this.#then(() => this.#method(id, new Reader(payload, 4)), id);
    } else if (type === FRAME.header) {
      this.#then(() => {
        if (!this.#publishing) return;
        this.#publishing.header = readContentHeader(payload);
        return this.#publishWhenWhole();
      });
    } else if (type === FRAME.body) {
      this.#then(() => {
        if (!this.#publishing) return;
        this.#publishing.body.push(Buffer.from(payload));
        this.#publishing.size += payload.length;
        return this.#publishWhenWhole();
      });
    }
  }

  /** `cause`: the method that an error is the answer to; content belongs to a publish. */
  #then(work: () => Promise<void> | void, cause: number = METHOD.basicPublish): void {
    this.#line = this.#line.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch (error) {
        this.#fail(error, cause);
      }
    });
  }

  #fail(error: unknown, cause: number): void {
    const text = error instanceof Error ? error.message : String(error);
    const code = error instanceof ChannelError ? error.code : (codes[/^[A-Z_]+/.exec(text)?.[0] ?? ''] ?? 541);
    this.#end();
    this.#reply(METHOD.channelClose, new Writer().u16(code).short(text).u32(cause));
  }

  #end(): void {
    this.#closed = true;
    for (const consumer of this.#consumers.values()) void consumer.cancel().catch(() => undefined);
    this.#consumers.clear();
    this.#peer.ended();
  }

  #reply(id: number, args?: Writer): void {
    this.#peer.send(method(this.#id, id, args));
  }

  async #method(id: number, args: Reader): Promise<void> {
    const { link } = this.#peer;
    switch (id) {
      case METHOD.channelOpen:
        return this.#reply(METHOD.channelOpenOk, new Writer().long(''));
      case METHOD.channelClose:
        this.#end();
        return this.#reply(METHOD.channelCloseOk);
      case METHOD.channelCloseOk:
        return;
      case METHOD.confirmSelect:
        this.#confirming = true;
        return this.#reply(METHOD.confirmSelectOk);
      case METHOD.basicQos:
        return this.#reply(METHOD.basicQosOk);
      case METHOD.exchangeDeclare: {
        args.u16();
        const [exchange, type, bits] = [args.short(), args.short(), args.u8()];
        if ((bits & 1) === 0) this.#allow('configure', 'exchange', exchange);
        if ((bits & 1) === 0) await link.declareExchange({ exchange, type: type as ExchangeDeclaration['type'], durable: (bits & 2) !== 0, autoDelete: (bits & 4) !== 0 });
        return this.#reply(METHOD.exchangeDeclareOk);
      }
      case METHOD.queueDeclare: {
        args.u16();
        const [queue, bits, table] = [args.short(), args.u8(), args.table()];
        if ((bits & 1) === 0) this.#allow('configure', 'queue', queue);
        if ((bits & 1) === 0) await link.declareQueue({ queue, durable: (bits & 2) !== 0, exclusive: (bits & 4) !== 0, autoDelete: (bits & 8) !== 0, ...(Object.keys(table).length > 0 && { arguments: table as Record<string, string | number | boolean> }) });
        const count = await link.countMessages(queue);
        if (count === undefined) throw new ChannelError(404, `NOT_FOUND - no queue '${queue}' in vhost`);
        return this.#reply(METHOD.queueDeclareOk, new Writer().short(queue).u32(count).u32(0));
      }
      case METHOD.queueBind: {
        args.u16();
        const [queue, exchange, routingKey] = [args.short(), args.short(), args.short()];
        this.#allow('write', 'queue', queue);
        this.#allow('read', 'exchange', exchange);
        await link.bindQueue(queue, exchange, routingKey);
        return this.#reply(METHOD.queueBindOk);
      }
      case METHOD.queueDelete: {
        args.u16();
        const queue = args.short();
        this.#allow('configure', 'queue', queue);
        return this.#reply(METHOD.queueDeleteOk, new Writer().u32(await link.deleteQueue(queue)));
      }
      case METHOD.basicConsume: {
        args.u16();
        const [queue, tag] = [args.short(), args.short()];
        this.#allow('read', 'queue', queue);
        const consumerTag = tag === '' ? `amq.ctag-${String(this.#id)}-${String(this.#consumers.size)}` : tag;
        if ((await link.countMessages(queue)) === undefined) throw new ChannelError(404, `NOT_FOUND - no queue '${queue}' in vhost`);
        // Told first: the library would not know a delivery of a consumer that it has not heard of.
        this.#reply(METHOD.basicConsumeOk, new Writer().short(consumerTag));
        const consumer = await link.consume(queue, (delivery) => this.#deliver(consumerTag, delivery), () => {
          if (this.#consumers.delete(consumerTag)) this.#reply(METHOD.basicCancel, new Writer().short(consumerTag).u8(1));
        });
        this.#consumers.set(consumerTag, consumer);
        return;
      }
      case METHOD.basicCancel: {
        const tag = args.short();
        await this.#consumers.get(tag)?.cancel();
        this.#consumers.delete(tag);
        return this.#reply(METHOD.basicCancelOk, new Writer().short(tag));
      }
      case METHOD.basicPublish: {
        args.u16();
        const [exchange, routingKey, bits] = [args.short(), args.short(), args.u8()];
        this.#publishing = { exchange, routingKey, mandatory: (bits & 1) !== 0, body: [], size: 0 };
        return;
      }
      // Everything is delivered as if without acknowledgement.
      case METHOD.basicAck: case METHOD.basicNack: case METHOD.basicReject: case METHOD.basicCancelOk:
        return;
      default:
        throw new ChannelError(540, `NOT_IMPLEMENTED - method ${String(id >>> 16)}.${String(id & 0xffff)}`);
    }
  }

  async #publishWhenWhole(): Promise<void> {
    const { header, exchange, routingKey, mandatory, body, size } = this.#publishing ?? {};
    if (!header || !body || size === undefined || size < header.size) return;
    this.#publishing = undefined;
    const bytes = Buffer.concat(body);
    // Asked before whether there is such an exchange.
    this.#allow('write', 'exchange', exchange ?? '');
    const publication: Publication = {
      exchange: exchange ?? '', routingKey: routingKey ?? '', mandatory: mandatory ?? false, body: bytes, messageId: header.messageId, persistent: header.persistent,
      ...(header.expirationMs !== undefined && { expirationMs: header.expirationMs }),
    };
    const outcome = await this.#peer.link.publish(publication);
    if (outcome === 'no-exchange') throw new ChannelError(404, `NOT_FOUND - no exchange '${publication.exchange}' in vhost`);
    if (outcome === 'no-queue') this.#peer.send(method(this.#id, METHOD.basicReturn, new Writer().u16(312).short('NO_ROUTE').short(publication.exchange).short(publication.routingKey)), ...content(this.#id, bytes, this.#peer.frameMax));
    if (this.#confirming) this.#reply(METHOD.basicAck, new Writer().u64(++this.#published).u8(0));
  }

  #deliver(tag: string, { body, exchange, routingKey }: Delivery): void {
    if (this.#closed) return;
    this.#peer.send(method(this.#id, METHOD.basicDeliver, new Writer().short(tag).u64(++this.#delivered).u8(0).short(exchange).short(routingKey)), ...content(this.#id, body, this.#peer.frameMax));
  }
}
