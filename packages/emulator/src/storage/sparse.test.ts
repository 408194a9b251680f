import { describe, expect, it } from 'vitest';
import { createBackupStore, dropBackup, putBackup, readChain } from './backup-store.ts';
import { BLOCK, copyOf, createSparse, fillSparse, readSparse, storedBytes, writeSparse, type Sparse } from './sparse.ts';

const text = (s: Sparse, at: number, length: number): string => readSparse(s, at, length).toString();
const meta = { name: null, description: null, metadata: {}, imageMetadata: undefined };

describe('sparse contents', () => {
  it('reads holes as zeros, across blocks, and refuses what lies beyond the end', () => {
    const s = createSparse(3 * BLOCK);
    writeSparse(s, BLOCK - 3, Buffer.from('across'));
    expect(text(s, BLOCK - 3, 6)).toBe('across');
    expect([...readSparse(s, BLOCK - 4, 2)]).toEqual([0, 'a'.charCodeAt(0)]);
    expect(readSparse(s, 3 * BLOCK - 2, 10)).toEqual(Buffer.alloc(2));
    expect(() => writeSparse(s, 3 * BLOCK - 1, Buffer.from('ab'))).toThrow(RangeError);
  });

  it('a copy shares until one of the two writes, in whichever order', () => {
    const a = createSparse(BLOCK);
    writeSparse(a, 0, Buffer.from('one'));
    const snapshot = copyOf(a);
    expect(snapshot.blocks).toBe(a.blocks);
    writeSparse(a, 0, Buffer.from('two'));
    const second = copyOf(snapshot);
    writeSparse(snapshot, 1, Buffer.from('X'));
    expect([text(a, 0, 3), text(snapshot, 0, 3), text(second, 0, 3)]).toEqual(['two', 'oXe', 'one']);
  });

  it('keeps a log that is appended to in little more than its length, whatever the size of the disk', () => {
    const s = createSparse(1024 ** 4);
    for (let n = 0; n < 100; n += 1) writeSparse(s, n * 20, Buffer.from(`${String(n).padStart(19)}\n`));
    expect(storedBytes(s.blocks)).toBeLessThanOrEqual(4096);
    expect(text(s, 20 * 99, 19).trim()).toBe('99');
  });

  it('a whole image is taken in without its zeros', () => {
    const s = createSparse(10 * BLOCK);
    const image = Buffer.alloc(10 * BLOCK);
    image.write('end', 9 * BLOCK + 7);
    fillSparse(s, 0, image);
    expect([s.blocks.size, text(s, 9 * BLOCK + 7, 3)]).toEqual([1, 'end']);
  });

  it('survives being cloned as plain data, and goes on sharing only within the clone', () => {
    const a = createSparse(BLOCK);
    writeSparse(a, 0, Buffer.from('kept'));
    const saved = structuredClone({ a, snapshot: copyOf(a) });
    writeSparse(a, 0, Buffer.from('gone'));
    writeSparse(saved.a, 0, Buffer.from('new!'));
    expect([text(a, 0, 4), text(saved.a, 0, 4), text(saved.snapshot, 0, 4)]).toEqual(['gone', 'new!', 'kept']);
  });
});

describe('a backup target', () => {
  it('an increment holds what differs, a hole too; the chain gives the whole', () => {
    const store = createBackupStore();
    const disk = createSparse(4 * BLOCK);
    writeSparse(disk, 0, Buffer.from('aaaa'));
    writeSparse(disk, 2 * BLOCK, Buffer.from('cccc'));
    const full = putBackup(store, 'full', undefined, copyOf(disk), meta);
    writeSparse(disk, 3 * BLOCK, Buffer.from('dddd'));
    // Written again with the same bytes: no difference.
    writeSparse(disk, 0, Buffer.from('aaaa'));
    const now = copyOf(disk);
    now.blocks = new Map([...now.blocks].filter(([n]) => n !== 2));
    const increment = putBackup(store, 'inc', 'full', now, meta);
    expect([full.blocks.size, [...increment.blocks.keys()].toSorted(), increment.objectCount]).toEqual([2, [2, 3], 1]);
    const restored = readChain(store, ['full', 'inc']);
    expect([text(restored, 0, 4), [...readSparse(restored, 2 * BLOCK, 2)], text(restored, 3 * BLOCK, 4)]).toEqual(['aaaa', [0, 0], 'dddd']);
    expect(putBackup(store, 'same', 'inc', now, meta).objectCount).toBe(0);
  });

  it('is full when it is full, and free again after a deletion; without the parent’s data there is no increment', () => {
    const store = createBackupStore();
    const disk = createSparse(BLOCK);
    writeSparse(disk, 0, Buffer.alloc(1_000, 1));
    putBackup(store, 'a', undefined, copyOf(disk), meta);
    store.capacity = store.used;
    expect(() => putBackup(store, 'b', undefined, copyOf(disk), meta)).toThrow(/No space left/);
    dropBackup(store, 'a');
    expect(store.used).toBe(0);
    expect(() => putBackup(store, 'b', 'a', copyOf(disk), meta)).toThrow(/No such file/);
    putBackup(store, 'b', undefined, copyOf(disk), meta);
  });
});
