import { Readable } from 'node:stream';
import { type Cloud, OpenStackError } from '@godwit/openstack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSource } from './read-source.ts';

const clock = { now: () => new Date(0), sleep: () => Promise.resolve() };
const data = Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 7) % 251));
const broken = () => new OpenStackError({ code: 'OS_UNREACHABLE', kind: 'retryable', message: 'the connection broke' });

/** A Glance whose n-th answer breaks after so many bytes; undefined: it does not. `ranges: false`: it always begins at 0. */
function glance(cuts: readonly (number | undefined)[], { ranges = true, gone = false } = {}) {
  const asked: number[] = [];
  const download = (_id: string, { from = 0 }: { from?: number }) => {
    const cut = cuts[asked.length];
    asked.push(from);
    if (gone && asked.length > 1) throw new OpenStackError({ code: 'OS_NOT_FOUND', kind: 'terminal', status: 404, message: 'not found' });
    const begins = ranges ? from : 0;
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = begins; at < data.length; at += 700) {
        const piece = data.subarray(at, Math.min(at + 700, data.length));
        if (cut !== undefined && at - begins + piece.length > cut) {
          yield piece.subarray(0, cut - (at - begins));
          throw broken();
        }
        yield piece;
        await Promise.resolve();
      }
    }
    return Promise.resolve({ stream: Readable.from(pieces(), { objectMode: false }), from: begins });
  };
  return { asked, cloud: { image: { download } } as unknown as Cloud };
}

async function all(cloud: Cloud, onCut?: (at: number) => void): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const p of readSource('site1', cloud, 'i', data.length, { clock, signal: new AbortController().signal, ...(onCut ? { onCut } : {}) })) pieces.push(p);
  return Buffer.concat(pieces);
}

describe('nothing is guessed: a source that is cut at any byte', () => {
  it('is read on from that byte, whether the store knows ranges or not; every byte comes once', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 4 }), fc.boolean(), async (cuts, ranges) => {
      const { cloud } = glance(cuts, { ranges });
      expect((await all(cloud)).equals(data)).toBe(true);
    }), { numRuns: 60 });
  });

  it('asks for the rest only', async () => {
    const { cloud, asked } = glance([1_234, 100]);
    const at: number[] = [];
    await all(cloud, (n) => at.push(n));
    expect([asked, at]).toEqual([[0, 1_234, 1_334], [1_234, 1_334]]);
  });

  it('is given up after five cuts without a byte between them', async () => {
    const { cloud, asked } = glance(Array.from({ length: 20 }, () => 0));
    await expect(all(cloud)).rejects.toMatchObject({ code: 'GW_SITE_UNREACHABLE' });
    expect(asked.length).toBe(6);
  });

  it('deleted half way: said so, and not tried again', async () => {
    const { cloud, asked } = glance([1_000], { gone: true });
    await expect(all(cloud)).rejects.toMatchObject({ code: 'GW_IMAGE_SOURCE_GONE', kind: 'terminal', site: 'site1' });
    expect(asked.length).toBe(2);
  });
});
