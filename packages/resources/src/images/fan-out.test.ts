import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { relay, type RelayTarget } from './relay.ts';

const piece = (n: number, size = 1024): Uint8Array => Buffer.alloc(size, n % 256);

async function* source(pieces: number, size = 1024, onRead?: (n: number) => void): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < pieces; n++) {
    onRead?.(n);
    yield piece(n, size);
    await Promise.resolve();
  }
}

function sink(site: string, pauseMs: (n: number) => number = () => 0): RelayTarget & { got: Buffer[] } {
  const got: Buffer[] = [];
  return {
    site, got,
    upload: async (pieces) => {
      let n = 0;
      for await (const p of pieces) {
        const ms = pauseMs(n++);
        if (ms > 0) await delay(ms);
        got.push(Buffer.from(p));
      }
    },
  };
}

const all = Buffer.concat(Array.from({ length: 50 }, (_, n) => piece(n)));

describe('one reading of the source, many targets', () => {
  it('all get all of it, in order, from one reading', async () => {
    const sinks = ['a', 'b', 'c', 'd'].map((s) => sink(s));
    let reads = 0;
    const done = await relay(source(50, 1024, () => reads++), sinks, { hash: 'sha256' });
    expect([reads, done.bytes, done.failed.size]).toEqual([50, all.length, 0]);
    for (const s of sinks) expect(Buffer.concat(s.got).equals(all)).toBe(true);
    expect(done.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('the source is read no faster than the slowest takes it: never more than the buffer is held', async () => {
    let read = 0;
    let taken = 0;
    let most = 0;
    const slow: RelayTarget = { site: 'slow', upload: async (pieces) => { for await (const p of pieces) { await delay(1); taken += p.length; most = Math.max(most, read - taken); } } };
    await relay(source(60, 1024, () => (read += 1024)), [sink('fast'), slow], { bufferBytes: 4096, patienceMs: 10_000 });
    expect(taken).toBe(60 * 1024);
    expect(most).toBeLessThanOrEqual(4096 + 3 * 1024);
  });

  it('a target that holds the others up for longer than they have patience is let go; the others get all', async () => {
    const fast = sink('fast');
    const stuck: RelayTarget = { site: 'stuck', upload: async (pieces) => { for await (const _ of pieces) await delay(40); } };
    const began = performance.now();
    const done = await relay(source(50), [fast, stuck], { bufferBytes: 2048, patienceMs: 100 });
    expect(Buffer.concat(fast.got).equals(all)).toBe(true);
    expect(done.failed.get('stuck')).toMatchObject({ code: 'GW_TRANSFER_SLOW', kind: 'retryable', site: 'stuck' });
    expect(performance.now() - began).toBeLessThan(900);
  });

  it('the only target may be as slow as it likes', async () => {
    const done = await relay(source(6), [sink('slow', () => 15)], { bufferBytes: 1024, patienceMs: 10 });
    expect(done.failed.size).toBe(0);
  });

  it('a target that fails does not stop the others', async () => {
    const good = sink('good');
    const bad: RelayTarget = { site: 'bad', upload: async (pieces) => { for await (const _ of pieces) throw new Error('no room'); } };
    const done = await relay(source(50), [good, bad], { bufferBytes: 2048 });
    expect(Buffer.concat(good.got).equals(all)).toBe(true);
    expect(done.failed.get('bad')).toMatchObject({ site: 'bad', message: 'no room' });
  });

  it('a source that fails fails all: none believes that it has the end', async () => {
    const ends: string[] = [];
    const target = (site: string): RelayTarget => ({ site, upload: async (pieces) => { for await (const _ of pieces) { /* taken */ } ends.push(site); } });
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* source(3);
      throw new Error('cut');
    }
    await expect(relay(broken(), [target('a'), target('b')])).rejects.toThrow('cut');
    expect(ends).toEqual([]);
  });

  it('nobody left to read for: the source is not read on', async () => {
    let reads = 0;
    const bad: RelayTarget = { site: 'bad', upload: () => Promise.reject(new Error('refused')) };
    await relay(source(1_000, 1024, () => reads++), [bad], { bufferBytes: 1024 });
    expect(reads).toBeLessThan(10);
  });
});
