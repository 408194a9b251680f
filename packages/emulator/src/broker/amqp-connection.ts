import type { Socket } from 'node:net';
import type { Link } from '@godwit/oslo-messaging';
import { AmqpChannel } from './amqp-channel.ts';
import { FRAME, frame, FrameReader, METHOD, method, PROTOCOL_HEADER, Reader, Writer } from './wire.ts';

const FRAME_MAX = 131_072;
const HEARTBEAT_SECONDS = 8;
const HEARTBEAT = frame(FRAME.heartbeat, 0, Buffer.alloc(0));

export interface ConnectionDeps {
  /** A link into the broker of this virtual host; rejects with the words of a refusal. */
  readonly open: (virtualHost: string, username: string, password: string) => Promise<Link | { readonly refused: string } | 'dead'>;
  readonly closed: () => void;
}

/** The broker's end of one AMQP connection. */
export class AmqpConnection {
  readonly #socket: Socket;
  readonly #deps: ConnectionDeps;
  readonly #frames = new FrameReader();
  readonly #channels = new Map<number, AmqpChannel>();
  #greeted = false;
  #login = { username: '', password: '' };
  #link: Link | undefined;
  #frameMax = FRAME_MAX;
  #held: Buffer[] | undefined;
  /** Site whose broker it is connected to. */
  virtualHost = '';

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      deps.closed();
      void this.#link?.close();
    });
  }

  /** Nothing passes either way until {@link resume}; what was sent meanwhile comes late. */
  pause(): void {
    this.#held ??= [];
    this.#socket.pause();
  }

  resume(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held && held.length > 0) this.#socket.write(Buffer.concat(held));
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  beat(): void {
    if (this.#link && !this.#held) this.#socket.write(HEARTBEAT);
  }

  #send(...frames: readonly Buffer[]): void {
    if (this.#held) this.#held.push(...frames);
    else if (!this.#socket.destroyed) this.#socket.write(frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames));
  }

  #read(data: Buffer): void {
    let chunk = data;
    if (!this.#greeted) {
      if (!chunk.subarray(0, 4).equals(PROTOCOL_HEADER.subarray(0, 4))) return void this.#socket.end(PROTOCOL_HEADER);
      this.#greeted = true;
      chunk = chunk.subarray(8);
      this.#send(method(0, METHOD.connectionStart, new Writer().u8(0).u8(9).table({ product: 'RabbitMQ', version: '4.0.5', platform: 'emulated', capabilities: { publisher_confirms: true, 'basic.nack': true, consumer_cancel_notify: true, exchange_exchange_bindings: true, authentication_failure_close: true, 'connection.blocked': true } }).long('PLAIN').long('en_US')));
    }
    try {
      for (const each of this.#frames.push(chunk)) {
        if (each.channel === 0) this.#control(each.type, each.payload);
        else this.#channel(each.channel)?.receive(each);
      }
    } catch {
      this.#socket.destroy();
    }
  }

  #channel(id: number): AmqpChannel | undefined {
    const link = this.#link;
    if (!link) return undefined;
    let channel = this.#channels.get(id);
    if (!channel) {
      channel = new AmqpChannel(id, { link, user: this.#login.username, frameMax: this.#frameMax, send: (...frames) => this.#send(...frames), ended: () => this.#channels.delete(id) });
      this.#channels.set(id, channel);
    }
    return channel;
  }

  #control(type: number, payload: Buffer): void {
    if (type !== FRAME.method) return;
    const args = new Reader(payload, 4);
    switch (payload.readUInt32BE(0)) {
      case METHOD.connectionStartOk: {
        args.table();
        args.short();
        const [, username = '', password = ''] = args.long().split('\0');
        this.#login = { username, password };
        return this.#send(method(0, METHOD.connectionTune, new Writer().u16(2047).u32(FRAME_MAX).u16(HEARTBEAT_SECONDS)));
      }
      case METHOD.connectionTuneOk:
        args.u16();
        this.#frameMax = args.u32() || FRAME_MAX;
        return;
      case METHOD.connectionOpen:
        return void this.#open(args.short());
      case METHOD.connectionClose:
        this.#send(method(0, METHOD.connectionCloseOk));
        return void this.#socket.end();
      default:
    }
  }

  async #open(virtualHost: string): Promise<void> {
    this.virtualHost = virtualHost;
    const link = await this.#deps.open(virtualHost, this.#login.username, this.#login.password);
    if (link === 'dead') return void this.#socket.destroy();
    if ('refused' in link) return this.#send(method(0, METHOD.connectionClose, new Writer().u16(403).short(`ACCESS_REFUSED - ${link.refused}`).u16(0).u16(0)));
    this.#link = link;
    void link.closed.then(() => this.#socket.destroy());
    this.#send(method(0, METHOD.connectionOpenOk, new Writer().short('')));
  }
}
