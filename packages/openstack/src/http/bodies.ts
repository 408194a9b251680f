import type { Readable } from 'node:stream';
import type { BodySource } from '../types.ts';
import { relay } from './relay.ts';

/** A body read into memory beyond this is not one of an OpenStack API. */
const LARGEST_TEXT = 64 * 1024 * 1024;

/** undici destroys a stream that it is given when a request fails; behind a generator the source stays whole until it is read. */
export function bodyOf(body: string | BodySource | undefined, onPiece: () => void): string | Uint8Array | Readable | null {
  if (body === undefined) return null;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  async function* pieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      onPiece();
      yield piece;
    }
    onPiece();
  }
  return pieces(body) as unknown as Readable;
}

/** A body for the caller to read, with our own errors; `release` runs when it is closed, however that comes. */
export function handOver(body: Readable, failure: (error: unknown) => { error: Error }, release: () => void): Readable {
  // It may break before its reader comes, or be left by him: an error event that nobody hears would end the process. The loop below still throws it.
  body.on('error', () => {});
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of body) yield piece as Uint8Array;
    } catch (error) {
      throw failure(error).error;
    }
  }
  return relay(pieces(), () => {
    body.destroy();
    release();
  });
}

export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > LARGEST_TEXT) throw new Error('the answer is larger than 64 MiB');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Names in lower case, one text each. */
export function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [key, value] of Object.entries(headers)) if (value !== undefined) flat[key.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  return flat;
}
