/** AMQP 0-9-1 on the wire, as far as clients of an OpenStack site's RabbitMQ use it. */

export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8, end: 206 } as const;
export const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1');

/** class << 16 | method */
export const METHOD = {
  connectionStart: 0x000a000a, connectionStartOk: 0x000a000b, connectionTune: 0x000a001e, connectionTuneOk: 0x000a001f, connectionOpen: 0x000a0028, connectionOpenOk: 0x000a0029,
  connectionClose: 0x000a0032, connectionCloseOk: 0x000a0033,
  channelOpen: 0x0014000a, channelOpenOk: 0x0014000b, channelClose: 0x00140028, channelCloseOk: 0x00140029,
  exchangeDeclare: 0x0028000a, exchangeDeclareOk: 0x0028000b,
  queueDeclare: 0x0032000a, queueDeclareOk: 0x0032000b, queueBind: 0x00320014, queueBindOk: 0x00320015, queueDelete: 0x00320028, queueDeleteOk: 0x00320029,
  basicQos: 0x003c000a, basicQosOk: 0x003c000b, basicConsume: 0x003c0014, basicConsumeOk: 0x003c0015, basicCancel: 0x003c001e, basicCancelOk: 0x003c001f,
  basicPublish: 0x003c0028, basicReturn: 0x003c0032, basicDeliver: 0x003c003c, basicAck: 0x003c0050, basicReject: 0x003c005a, basicNack: 0x003c0078,
  confirmSelect: 0x0055000a, confirmSelectOk: 0x0055000b,
} as const;

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws SyntaxError on what is no frame */
  push(chunk: Buffer): Frame[] {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (data.length >= 8) {
      const size = data.readUInt32BE(3);
      if (data.length < size + 8) break;
      if (data[size + 7] !== FRAME.end) throw new SyntaxError('a frame does not end where it should');
      frames.push({ type: data.readUInt8(0), channel: data.readUInt16BE(1), payload: data.subarray(7, size + 7) });
      data = data.subarray(size + 8);
    }
    this.#rest = data;
    return frames;
  }
}

export function frame(type: number, channel: number, payload: Buffer): Buffer {
  const out = Buffer.allocUnsafe(payload.length + 8);
  out.writeUInt8(type, 0);
  out.writeUInt16BE(channel, 1);
  out.writeUInt32BE(payload.length, 3);
  payload.copy(out, 7);
  out.writeUInt8(FRAME.end, payload.length + 7);
  return out;
}

/** Reads the arguments of a method one after another. */
export class Reader {
  readonly #data: Buffer;
  #at: number;

  constructor(data: Buffer, at = 0) {
    this.#data = data;
    this.#at = at;
  }

  u8(): number {
    return this.#data.readUInt8(this.#at++);
  }

  u16(): number {
    this.#at += 2;
    return this.#data.readUInt16BE(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#data.readUInt32BE(this.#at - 4);
  }

  u64(): number {
    this.#at += 8;
    return Number(this.#data.readBigUInt64BE(this.#at - 8));
  }

  short(): string {
    const length = this.u8();
    this.#at += length;
    return this.#data.toString('utf8', this.#at - length, this.#at);
  }

  long(): string {
    const length = this.u32();
    this.#at += length;
    return this.#data.toString('utf8', this.#at - length, this.#at);
  }

  table(): Record<string, unknown> {
    const end = this.u32() + this.#at;
    const table: Record<string, unknown> = {};
    while (this.#at < end) table[this.short()] = this.#value();
    return table;
  }

  #value(): unknown {
    const type = String.fromCharCode(this.u8());
    switch (type) {
      case 't': return this.u8() !== 0;
      case 'b': return (this.u8() << 24) >> 24;
      case 'B': return this.u8();
      case 's': return (this.u16() << 16) >> 16;
      case 'u': return this.u16();
      case 'I': return this.u32() | 0;
      case 'i': return this.u32();
      case 'l': case 'L': case 'T': return this.u64();
      case 'f': this.#at += 4; return this.#data.readFloatBE(this.#at - 4);
      case 'd': this.#at += 8; return this.#data.readDoubleBE(this.#at - 8);
      case 'S': case 'x': return this.long();
      case 'F': return this.table();
      case 'A': {
        const end = this.u32() + this.#at;
        const items: unknown[] = [];
        while (this.#at < end) items.push(this.#value());
        return items;
      }
      case 'V': return null;
      default: throw new SyntaxError(`a table holds a value of the unknown type ${type}`);
    }
  }
}

/** Writes the arguments of a method. */
export class Writer {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    this.#parts.push(Buffer.from([value]));
    return this;
  }

  u16(value: number): this {
    const part = Buffer.allocUnsafe(2);
    part.writeUInt16BE(value);
    this.#parts.push(part);
    return this;
  }

  u32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  u64(value: number): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigUInt64BE(BigInt(value));
    this.#parts.push(part);
    return this;
  }

  short(text: string): this {
    const bytes = Buffer.from(text).subarray(0, 255);
    this.#parts.push(Buffer.from([bytes.length]), bytes);
    return this;
  }

  long(text: string): this {
    const bytes = Buffer.from(text);
    this.u32(bytes.length).#parts.push(bytes);
    return this;
  }

  /** Values: texts, booleans and tables of them. */
  table(table: Readonly<Record<string, unknown>>): this {
    const inner = new Writer();
    for (const [key, value] of Object.entries(table)) {
      inner.short(key);
      if (typeof value === 'boolean') inner.u8(0x74).u8(value ? 1 : 0);
      else if (typeof value === 'object' && value !== null) inner.u8(0x46).table(value as Record<string, unknown>);
      else inner.u8(0x53).long(String(value));
    }
    const bytes = inner.bytes();
    this.u32(bytes.length).#parts.push(bytes);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export const method = (channel: number, id: number, args: Writer = new Writer()): Buffer => frame(FRAME.method, channel, Buffer.concat([new Writer().u32(id).bytes(), args.bytes()]));

/** A content header without properties, and the body in frames that fit. */
export function content(channel: number, body: Buffer, frameMax: number): Buffer[] {
  const frames = [frame(FRAME.header, channel, new Writer().u16(60).u16(0).u64(body.length).u16(0).bytes())];
  for (let at = 0; at < body.length; at += frameMax - 8) frames.push(frame(FRAME.body, channel, body.subarray(at, at + frameMax - 8)));
  return frames;
}

export interface ContentHeader {
  readonly size: number;
  readonly persistent: boolean;
  readonly expirationMs: number | undefined;
  readonly messageId: string;
}

export function readContentHeader(payload: Buffer): ContentHeader {
  const reader = new Reader(payload);
  reader.u16();
  reader.u16();
  const size = reader.u64();
  const flags = reader.u16();
  const has = (bit: number): boolean => (flags & (1 << bit)) !== 0;
  if (has(15)) reader.short();
  if (has(14)) reader.short();
  if (has(13)) reader.table();
  const deliveryMode = has(12) ? reader.u8() : 1;
  if (has(11)) reader.u8();
  if (has(10)) reader.short();
  if (has(9)) reader.short();
  const expiration = has(8) ? reader.short() : undefined;
  const messageId = has(7) ? reader.short() : '';
  return { size, persistent: deliveryMode === 2, expirationMs: expiration === undefined ? undefined : Number(expiration), messageId };
}
