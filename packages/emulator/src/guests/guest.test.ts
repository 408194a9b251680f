import { describe, expect, it } from 'vitest';
import type { Contents } from '../between.ts';
import { bootGuest, freeze, type Guest, thaw, write } from './guest.ts';
import { readGuestLog } from './log.ts';

const disk = (): Contents => {
  const bytes = Buffer.alloc(4 * 1024 * 1024);
  return { size: bytes.length, read: (at, length) => Buffer.from(bytes.subarray(at, at + length)), write: (at, data) => void bytes.set(data, at) };
};
const numbers = (contents: Contents): number[] => readGuestLog(contents).split('\n').filter(Boolean).map((line) => Number(line.split(' ')[0]));

function world(): { disks: Map<string, Contents>; guest: Guest; writeAt: (now: number) => void; root: Contents; data: Contents } {
  const [root, data] = [disk(), disk()];
  const disks = new Map([['root', root], ['data', data]]);
  const guest = bootGuest('s', 0, { present: true, from: 0 }, ['root', 'data'], (id) => disks.get(id));
  return { disks, guest, root, data, writeAt: (now) => write(guest, now, 100, (id) => disks.get(id)) };
}

describe('a guest’s writer', () => {
  it('has written, whenever one looks, what it would have by then: root first, then data, the same lines', () => {
    const { writeAt, root, data } = world();
    writeAt(120);
    expect([numbers(root), numbers(data)]).toEqual([[1], [1]]);
    writeAt(160);
    expect([numbers(root), numbers(data)]).toEqual([[1, 2], [1]]);
    writeAt(1000);
    expect(numbers(root)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(readGuestLog(data)).toBe(readGuestLog(root));
    expect(readGuestLog(root).split('\n')[1]).toBe('2 0.15 0.150');
  });

  it('writes nothing while it is frozen, and goes on afterwards', () => {
    const { guest, writeAt, root, data } = world();
    writeAt(160);
    freeze(guest, 160);
    writeAt(10_160);
    expect([numbers(root), numbers(data)]).toEqual([[1, 2], [1]]);
    thaw(guest, 10_160);
    expect(guest.longestFreezeMs).toBe(10_000);
    writeAt(10_260);
    expect([numbers(root), numbers(data)]).toEqual([[1, 2, 3], [1, 2]]);
  });

  it('goes on after a boot where its disks end', () => {
    const { disks, writeAt, root, data } = world();
    writeAt(160);
    const again = bootGuest('s', 5000, { present: true, from: 0 }, ['root', 'data'], (id) => disks.get(id));
    write(again, 5100, 100, (id) => disks.get(id));
    expect([numbers(root), numbers(data)]).toEqual([[1, 2, 3], [1, 2, 3]]);
    expect(readGuestLog(data)).toBe(readGuestLog(root));
  });
});
