import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestServer, testEngine } from './server.ts';
import type { TestServer } from './server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let server: TestServer;
beforeAll(async () => { server = await startTestServer(); });
afterAll(() => server.stop());

test('never are two jobs of one key at work at once, and those of a key run in the order of their submission', async () => {
  const engine = testEngine(await server.newDatabase());
  const inside = new Map<string, number>();
  const order = new Map<string, string[]>();
  let most = 0;
  const w = engine.define({
    name: 'touch',
    run: (ctx, key: string) => ctx.step('touch', async () => {
      const n = (inside.get(key) ?? 0) + 1;
      inside.set(key, n);
      most = Math.max(most, n);
      order.set(key, [...(order.get(key) ?? []), ctx.jobId]);
      await new Promise((r) => setTimeout(r, 3));
      inside.set(key, n - 1);
    }),
  });
  await engine.start();
  try {
    let round = 0;
    await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 2, maxLength: 8 }), async (keys) => {
      const prefix = `r${++round}`;
      const wanted = new Map<string, string[]>();
      const ids: string[] = [];
      for (const [i, key] of keys.entries()) {
        const id = await w.submit(key, { key, jobId: `${prefix}-${i}` });
        ids.push(id);
        wanted.set(key, [...(wanted.get(key) ?? []), id]);
      }
      await Promise.all(ids.map((id) => w.result(id)));
      expect(most).toBe(1);
      for (const [key, jobs] of wanted) expect(order.get(key)?.filter((id) => id.startsWith(`${prefix}-`))).toEqual(jobs);
    }), { numRuns: 5 });
  } finally {
    await engine.stop();
  }
});
