import type { Contents } from '../between.ts';

/** As the posix backup driver's sha_block_size_bytes: what an increment is made of. */
export const BLOCK = 32 * 1024;

/** Never changed once its `gen` is not its volume's any more. May be shorter than BLOCK: the rest is zeros. */
export interface Block {
  readonly gen: number;
  bytes: Uint8Array;
}

export type Blocks = Map<number, Block>;

/**
 * Bytes of a volume, a snapshot or an image: plain data, so that a site's whole state can be cloned and put back. Blocks and the map of
 * them are shared between copies until one of them writes: a snapshot or a clone costs the same whatever the size.
 */
export interface Sparse {
  /** Bytes. */
  size: number;
  /** Blocks and a map with this number are this one's alone. */
  gen: number;
  mapGen: number;
  blocks: Blocks;
}

let lastGen = 0;
const nextGen = (): number => (lastGen += 1);
const nothing: Blocks = new Map();

export const createSparse = (size: number): Sparse => ({ size, gen: nextGen(), mapGen: 0, blocks: nothing });

/** The same bytes; from here on each goes its own way. */
export function copyOf(source: Sparse, size = source.size): Sparse {
  source.gen = nextGen();
  return { size, gen: nextGen(), mapGen: 0, blocks: source.blocks };
}

/** Of what others made and will not change: a backup's restored blocks. */
export const sparseOf = (size: number, blocks: Blocks): Sparse => ({ size, gen: nextGen(), mapGen: 0, blocks });

export function readSparse(s: Sparse, offset: number, length: number): Buffer {
  const end = Math.min(offset + length, s.size);
  const out = Buffer.alloc(Math.max(0, end - offset));
  for (let at = offset; at < end; ) {
    const index = Math.floor(at / BLOCK);
    const until = Math.min(end, (index + 1) * BLOCK);
    const from = at - index * BLOCK;
    const block = s.blocks.get(index);
    if (block && from < block.bytes.length) out.set(block.bytes.subarray(from, Math.min(block.bytes.length, from + until - at)), at - offset);
    at = until;
  }
  return out;
}

/** @throws RangeError beyond the end, as a disk refuses it */
export function writeSparse(s: Sparse, offset: number, bytes: Uint8Array): void {
  if (offset < 0 || offset + bytes.length > s.size) throw new RangeError(`a write of ${String(bytes.length)} bytes at ${String(offset)} is beyond the end (${String(s.size)})`);
  if (bytes.length === 0) return;
  if (s.mapGen !== s.gen) {
    s.blocks = new Map(s.blocks);
    s.mapGen = s.gen;
  }
  for (let done = 0; done < bytes.length; ) {
    const at = offset + done;
    const index = Math.floor(at / BLOCK);
    const from = at - index * BLOCK;
    const piece = bytes.subarray(done, done + Math.min(BLOCK - from, bytes.length - done));
    ownBlock(s, index, from + piece.length).bytes.set(piece, from);
    done += piece.length;
  }
}

/** The block, this one's own and at least so long. */
function ownBlock(s: Sparse, index: number, length: number): Block {
  const known = s.blocks.get(index);
  if (known?.gen === s.gen && known.bytes.length >= length) return known;
  // Grown by doubling: a log that is appended to line by line is copied a few times only.
  const room = known && known.bytes.length >= length ? known.bytes.length : Math.min(BLOCK, Math.max(length, 256, (known?.bytes.length ?? 0) * 2));
  const bytes = new Uint8Array(room);
  if (known) bytes.set(known.bytes);
  const block = { gen: s.gen, bytes };
  s.blocks.set(index, block);
  return block;
}

/** As one writes a whole image: zeros stay holes. */
export function fillSparse(s: Sparse, offset: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const until = Math.min(bytes.length, (Math.floor((offset + done) / BLOCK) + 1) * BLOCK - offset);
    const piece = bytes.subarray(done, until);
    if (piece.some((b) => b !== 0)) writeSparse(s, offset + done, piece);
    done = until;
  }
}

export const sameBlock = (a: Block | undefined, b: Block | undefined): boolean => a === b || sameBytes(a?.bytes ?? empty, b?.bytes ?? empty);
const empty = new Uint8Array(0);

/** Shorter ones end in zeros. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return Buffer.compare(short, long.subarray(0, short.length)) === 0 && !long.subarray(short.length).some((x) => x !== 0);
}

/** Bytes that are really kept. */
export function storedBytes(blocks: Blocks): number {
  let sum = 0;
  for (const block of blocks.values()) sum += block.bytes.length;
  return sum;
}

/** What another service reads and writes. `get` each time anew: the state may have been put back to an earlier one meanwhile. */
export function contentsOf(get: () => Sparse): Contents {
  return {
    get size() {
      return get().size;
    },
    read: (offset, length) => readSparse(get(), offset, length),
    write: (offset, bytes) => writeSparse(get(), offset, bytes),
  };
}

/** The whole, piece by piece. */
export function* piecesOf(s: Sparse, size = s.size, piece = 256 * 1024): Generator<Buffer> {
  for (let at = 0; at < size; at += piece) yield readSparse(s, at, Math.min(piece, size - at));
}
