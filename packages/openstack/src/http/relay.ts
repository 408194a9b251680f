import { Readable } from 'node:stream';

/** A stream of a generator's pieces. `onClose` runs however it ends, also when nobody ever read: a generator that never began has no `finally`. */
export function relay(pieces: AsyncIterable<Uint8Array>, onClose: () => void): Readable {
  const stream = Readable.from(pieces, { objectMode: false });
  stream.once('close', onClose);
  return stream;
}
