import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Children } from './child.ts';
import { eventually, startTestServer } from './server.ts';
import type { TestServer } from './server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let server: TestServer;
let children: Children;

beforeAll(async () => {
  [server, children] = await Promise.all([startTestServer(), Children.make()]);
});
afterAll(async () => {
  await children.end();
  await server.stop();
});

/** Runs one job in a row of processes, each of which dies one boundary further, and then in one that lives. */
async function dieEverywhere(workflow: string, steps: readonly string[]): Promise<{ url: string; job: Record<string, unknown> }> {
  const url = await server.newDatabase();
  const env = { DATABASE_URL: url, EXECUTOR: 'same', NAME: 'p', SUBMIT: `${workflow}:job:k` };
  for (const step of steps) {
    for (const boundary of ['before', 'after-effect', 'after-record']) {
      const child = children.start({ ...env, GODWIT_CRASH_AT: `${workflow}:${step}:${boundary}` });
      expect(`${step} ${boundary}: ${await child.ended}`).toBe(`${step} ${boundary}: SIGKILL`);
      const [job] = await server.query(url, `SELECT state FROM godwit_jobs WHERE id = 'job'`);
      expect(job?.['state']).toBe('running');
    }
  }
  const last = children.start(env);
  const job = await eventually(async () => (await server.query(url, `SELECT * FROM godwit_jobs WHERE id = 'job' AND ended_at IS NOT NULL`))[0]);
  last.kill('SIGKILL');
  return { url, job };
}

function count(effects: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const e of effects) counts[e] = (counts[e] ?? 0) + 1;
  return counts;
}

describe.concurrent('crashes', () => {
  test('a controller killed at every boundary of every step: the job ends as if nothing had happened, no recorded step is redone', async () => {
    const { url, job } = await dieEverywhere('good', ['a', 'b[x]', 'nap:until', 'nap', 'c']);
    expect(job).toMatchObject({ state: 'succeeded', result: { a: 'a', b: ['b[x]', 'b[y]'], c: 'c' } });
    const { 'p b[y]': y, ...rest } = count(await children.effects(url));
    // Once by the process that died before the record, once by its successor. Never again after that.
    expect(rest).toEqual({ 'p a': 2, 'p b[x]': 2, 'p c': 2 });
    // Its turn comes while its neighbour is being recorded: it may have been under way, or recorded, when that process was killed.
    expect(y).toBeGreaterThanOrEqual(1);
    expect(y).toBeLessThanOrEqual(2);
    const steps = await server.query(url, `SELECT name, state FROM godwit_job_steps WHERE job_id = 'job' ORDER BY ordinal`);
    expect(steps).toEqual(['a', 'b[x]', 'b[y]', 'nap', 'c'].map((name) => ({ name, state: 'succeeded' })));
  }, 180_000);

  test('a controller killed at every boundary of a failure and its compensation: everything is undone, and the error is the first one', async () => {
    const { url, job } = await dieEverywhere('bad', ['c', 'undo b', 'undo a']);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'GW_C', kind: 'terminal', message: 'c cannot be done', details: { why: 'because' } } });
    const effects = await children.effects(url);
    expect(count(effects)).toEqual({ 'p a': 1, 'p b': 1, 'p undo b': 2, 'p undo a': 2 });
    expect(effects.indexOf('p undo a')).toBeGreaterThan(effects.lastIndexOf('p undo b'));
  }, 180_000);

  test('a cancel that comes while the controller is dead is heeded by the next', async () => {
    const url = await server.newDatabase();
    const env = { DATABASE_URL: url, EXECUTOR: 'same', NAME: 'p', SUBMIT: 'bad:job:k' };
    await children.start({ ...env, GODWIT_CRASH_AT: 'bad:b:after-effect' }).ended;
    await server.query(url, `UPDATE godwit_jobs SET state = 'cancelling' WHERE id = 'job'`);
    const last = children.start(env);
    const [job] = await eventually(async () => {
      const rows = await server.query(url, `SELECT state FROM godwit_jobs WHERE id = 'job' AND ended_at IS NOT NULL`);
      return rows.length > 0 && rows;
    });
    last.kill('SIGKILL');
    expect(job?.['state']).toBe('cancelled');
    // Step b was begun but not recorded: it is undone without its result, and not done again.
    expect(await children.effects(url)).toEqual(['p a', 'p b', 'p undo undefined', 'p undo a']);
  });

  test('a controller of another version adopts what the old one has left', async () => {
    const url = await server.newDatabase();
    const env = { DATABASE_URL: url, EXECUTOR: 'same', NAME: 'p', SUBMIT: 'good:job:k' };
    // Behind both items of b: which of the two comes first, and how far the other is, when one of them is about to begin, is open.
    await children.start({ ...env, VERSION: 'old', GODWIT_CRASH_AT: 'good:nap:until:before' }).ended;
    const last = children.start({ ...env, VERSION: 'new' });
    await eventually(async () => (await server.query(url, `SELECT 1 FROM godwit_jobs WHERE id = 'job' AND state = 'succeeded'`))[0]);
    last.kill('SIGKILL');
    expect(count(await children.effects(url))).toEqual({ 'p a': 1, 'p b[x]': 1, 'p b[y]': 1, 'p c': 1 });
  });
});
