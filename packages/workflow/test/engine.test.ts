import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Engine, EngineOptions, Job, JobEvent, WorkflowContext, WorkflowHandle } from '../src/index.ts';
import { WorkflowError } from '../src/index.ts';
import { eventually, gate, startTestServer, testEngine } from './server.ts';
import type { TestServer } from './server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let server: TestServer;
let url: string;
let engine: Engine | undefined;

beforeAll(async () => {
  server = await startTestServer();
  url = await server.newDatabase();
});
afterAll(() => server.stop());
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
});

/** Starts an engine with one workflow. */
async function start<I, O>(run: (ctx: WorkflowContext, input: I) => Promise<O>, options: Partial<EngineOptions> = {}): Promise<WorkflowHandle<I, O>> {
  engine = testEngine(url, options);
  const handle = engine.define({ name: 'sample', run });
  await engine.start();
  return handle;
}

async function job(id: string): Promise<Job> {
  const found = await engine?.jobs.get(id);
  if (found === undefined) throw new Error(`no job ${id}`);
  return found;
}

function coded(code: string, kind: 'terminal' | 'retryable' | 'waiting', details?: unknown): Error {
  return Object.assign(new Error(`it is ${kind}`), { code, kind, ...(details === undefined ? {} : { details }) });
}

describe('a job', () => {
  test('runs its steps in order and gives back what the workflow returns', async () => {
    const w = await start(async (ctx, input: { n: number }) => {
      const two = await ctx.step('double', () => Promise.resolve(input.n * 2));
      const day = await ctx.step('day', () => Promise.resolve(new Date(86_400_000)));
      const all = await ctx.all('square', [3, 1, 2], String, (i) => Promise.resolve(i * i), { limit: 2 });
      const now = await ctx.now('now');
      return { two, year: day.getUTCFullYear(), all, now: now instanceof Date };
    });
    const id = await w.submit({ n: 21 }, { key: 'k', labels: { group: 'g1', project: 'p' } });
    expect(await w.result(id)).toEqual({ two: 42, year: 1970, all: [9, 1, 4], now: true });
    const done = await job(id);
    expect(done).toMatchObject({ state: 'succeeded', workflow: 'sample', key: 'k', labels: { group: 'g1' }, input: { n: 21 } });
    expect(done.steps.map((s) => [s.name, s.state, s.attempts])).toEqual([
      ['double', 'succeeded', 1], ['day', 'succeeded', 1], ['square[3]', 'succeeded', 1], ['square[1]', 'succeeded', 1], ['square[2]', 'succeeded', 1],
    ]);
    expect(Date.parse(done.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(done.startedAt ?? ''));
  });

  test('submitted twice under one id is one job', async () => {
    let runs = 0;
    const w = await start((ctx) => ctx.step('count', () => Promise.resolve(++runs)));
    const ids = await Promise.all([1, 2, 3].map(() => w.submit({}, { jobId: 'same', key: 'k' })));
    expect(ids).toEqual(['same', 'same', 'same']);
    expect(await w.result('same')).toBe(1);
    await w.submit({}, { jobId: 'same', key: 'k' });
    expect(await w.result('same')).toBe(1);
    expect((await engine?.jobs.list({ workflow: 'sample' }))?.filter((j) => j.id === 'same')).toHaveLength(1);
  });

  test('is not found by an id that no job can have', async () => {
    await start(() => Promise.resolve('ran'));
    expect(await engine?.jobs.get('a\0b')).toBeUndefined();
    expect(await engine?.jobs.list({ before: 'a\0b' })).toEqual([]);
    expect(await engine?.jobs.cancel('a\0b')).toBe(false);
  });

  test('with the id of another workflow\'s job is refused', async () => {
    const w = await start(() => Promise.resolve(null));
    await server.query(url, `INSERT INTO godwit_jobs (id, workflow, key, input, state, ended_at) VALUES ('taken', 'other', 'k', '1', 'succeeded', now())`);
    await expect(w.submit({}, { jobId: 'taken', key: 'k' })).rejects.toMatchObject({ code: 'GW_JOB_ID', kind: 'terminal' });
  });

  test('that does not end in time is said so, and goes on', async () => {
    const open = gate();
    const w = await start((ctx) => ctx.step('wait', () => open.opened.then(() => 'done')));
    const id = await w.submit({}, { key: 'k' });
    await expect(w.result(id, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'GW_JOB_TIMEOUT', kind: 'waiting' });
    open.open();
    expect(await w.result(id)).toBe('done');
    await expect(w.result('none')).rejects.toMatchObject({ code: 'GW_JOB_NOT_FOUND' });
  });

  test('whose controller died before it was queued is queued by the living', async () => {
    const w = await start(() => Promise.resolve('ran'), { heartbeatMs: 50 });
    await server.query(url, `INSERT INTO godwit_jobs (id, workflow, key, input, created_at) VALUES ('lost', 'sample', 'k', '{}', now() - interval '10 seconds')`);
    expect(await w.result('lost')).toBe('ran');
  });

  test('that the engine gave up is shown as failed', async () => {
    const w = await start(() => Promise.resolve('ran'), { heartbeatMs: 50 });
    await server.query(url, `INSERT INTO godwit_jobs (id, workflow, key, input, state) VALUES ('given-up', 'sample', 'k', '{}', 'running')`);
    await server.query(url, `INSERT INTO dbos.workflow_status (workflow_uuid, status, name, updated_at) VALUES ('given-up', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED', 'sample', 0)`);
    await expect(w.result('given-up')).rejects.toMatchObject({ code: 'GW_JOB_ABANDONED' });
  });
});

describe('an error in a step', () => {
  test('reaches the caller as it was: code, kind, message, details', async () => {
    const thrown = Object.assign(coded('GW_QUOTA', 'terminal', { needed: 3, free: 1 }), { site: 'site2', requestId: 'req-1' });
    const caught: unknown[] = [];
    const w = await start(async (ctx) => {
      try {
        await ctx.step('refuse', () => Promise.reject(thrown));
      } catch (e) {
        caught.push(e);
        throw e;
      }
    });
    const id = await w.submit({}, { key: 'k' });
    const wanted = { code: 'GW_QUOTA', kind: 'terminal', message: 'it is terminal', details: { needed: 3, free: 1, site: 'site2', requestId: 'req-1' } };
    await expect(w.result(id)).rejects.toMatchObject(wanted);
    expect(caught[0]).toBeInstanceOf(WorkflowError);
    expect(caught[0]).toMatchObject(wanted);
    expect(await job(id)).toMatchObject({ state: 'failed', error: wanted, steps: [{ name: 'refuse', state: 'failed', attempts: 1, error: wanted }] });
  });

  test('of kind retryable is tried again as often as allowed, then thrown', async () => {
    let flaky = 0;
    let never = 0;
    const w = await start(async (ctx) => {
      await ctx.step('flaky', () => (++flaky < 3 ? Promise.reject(new Error('no kind')) : Promise.resolve()), { backoffMs: 1 });
      await ctx.step('never', () => { never++; return Promise.reject(coded('GW_DOWN', 'retryable')); }, { backoffMs: 1, attempts: 2 });
    });
    const id = await w.submit({}, { key: 'k' });
    await expect(w.result(id)).rejects.toMatchObject({ code: 'GW_DOWN' });
    expect([flaky, never]).toEqual([3, 2]);
    expect((await job(id)).steps.map((s) => [s.name, s.state, s.attempts])).toEqual([['flaky', 'succeeded', 3], ['never', 'failed', 2]]);
  });

  test('of kind waiting is waited for, beyond the number of attempts', async () => {
    let tries = 0;
    const w = await start((ctx) => ctx.step('poll', () => (++tries < 6 ? Promise.reject(coded('GW_NOT_YET', 'waiting')) : Promise.resolve(tries)), { backoffMs: 1, attempts: 1 }));
    const id = await w.submit({}, { key: 'k' });
    expect(await w.result(id)).toBe(6);
    const said = (await engine?.jobs.events({ jobId: id }))?.filter((e) => (e.data as { state?: string }).state === 'waiting');
    expect(said).toHaveLength(1);
  });

  test('among several side by side: all are waited for, then the first in order is thrown', async () => {
    const ended: number[] = [];
    const ends = [gate(), gate(), gate(), gate()];
    ends[3]?.open();
    const w = await start((ctx) => ctx.all('item', [1, 2, 3], String, async (i) => {
      await ends[i]?.opened;
      ended.push(i);
      ends[i - 1]?.open();
      if (i > 1) throw coded(`GW_${i}`, 'terminal');
    }));
    const id = await w.submit({}, { key: 'k' });
    await expect(w.result(id)).rejects.toMatchObject({ code: 'GW_2' });
    expect(ended).toEqual([3, 2, 1]);
  });

  test('two items of one name are refused', async () => {
    const w = await start((ctx) => ctx.all('item', ['a', 'a'], String, () => Promise.resolve()));
    await expect(w.result(await w.submit({}, { key: 'k' }))).rejects.toMatchObject({ code: 'GW_WORKFLOW_STEP' });
  });

  test('a step within a step is refused', async () => {
    const w = await start((ctx) => ctx.step('outer', () => ctx.step('inner', () => Promise.resolve())));
    await expect(w.result(await w.submit({}, { key: 'k' }))).rejects.toMatchObject({ code: 'GW_WORKFLOW_STEP', kind: 'terminal' });
  });
});

describe('compensation', () => {
  test('undoes what was begun, in reverse order, with what each step gave', async () => {
    const undone: unknown[] = [];
    const w = await start(async (ctx) => {
      await ctx.step('a', () => Promise.resolve('A'), { compensate: (r) => { undone.push(['a', r]); return Promise.resolve(); } });
      await ctx.all('b', [1, 2], String, (i) => Promise.resolve(i * 10), { compensate: (r, _s, i) => { undone.push(['b', i, r]); return Promise.resolve(); } });
      await ctx.step('none', () => Promise.resolve());
      await ctx.step('c', () => Promise.reject(coded('GW_C', 'terminal')), { compensate: (r) => { undone.push(['c', r]); return Promise.resolve(); } });
    });
    const id = await w.submit({}, { key: 'k' });
    await expect(w.result(id)).rejects.toMatchObject({ code: 'GW_C' });
    expect(undone).toEqual([['c', undefined], ['b', 2, 20], ['b', 1, 10], ['a', 'A']]);
    expect((await job(id)).steps.map((s) => s.name).slice(-4)).toEqual(['undo c', 'undo b[2]', 'undo b[1]', 'undo a']);
  });

  test('that fails is told with the error, and the rest is undone nevertheless', async () => {
    const undone: string[] = [];
    const w = await start(async (ctx) => {
      await ctx.step('a', () => Promise.resolve(), { compensate: () => { undone.push('a'); return Promise.resolve(); } });
      await ctx.step('b', () => Promise.resolve(), { compensate: () => Promise.reject(coded('GW_STUCK', 'terminal')) });
      throw coded('GW_LATER', 'terminal', { why: 1 });
    });
    const id = await w.submit({}, { key: 'k' });
    await expect(w.result(id)).rejects.toMatchObject({ code: 'GW_LATER', details: { why: 1, notUndone: [{ step: 'b', code: 'GW_STUCK' }] } });
    expect(undone).toEqual(['a']);
  });
});

describe('a cancel', () => {
  test('interrupts the running step, undoes, and ends as cancelled', async () => {
    const begun = gate();
    const undone: string[] = [];
    const after: string[] = [];
    const w = await start(async (ctx) => {
      await ctx.step('first', () => Promise.resolve(), { compensate: () => { undone.push('first'); return Promise.resolve(); } });
      await ctx.step('long', async (s) => {
        begun.open();
        await new Promise((_, reject) => { s.signal.addEventListener('abort', () => { reject(s.signal.reason as Error); }); });
      }, { compensate: () => { undone.push('long'); return Promise.resolve(); } });
      await ctx.step('after', () => { after.push('x'); return Promise.resolve(); });
    });
    const id = await w.submit({}, { key: 'k' });
    await begun.opened;
    expect(await engine?.jobs.cancel(id)).toBe(true);
    await expect(w.result(id)).rejects.toMatchObject({ code: 'GW_JOB_CANCELLED' });
    expect(undone).toEqual(['long', 'first']);
    expect(after).toEqual([]);
    expect((await job(id)).state).toBe('cancelled');
    expect(await engine?.jobs.cancel(id)).toBe(false);
    expect(await engine?.jobs.cancel('none')).toBe(false);
  });

  test('waits until an uncancellable step has ended, also when it is the last', async () => {
    const begun = gate();
    const go = gate();
    let aborted: boolean | undefined;
    const undone: unknown[] = [];
    const w = await start((ctx) => ctx.step('freeze', async (s) => {
      begun.open();
      await go.opened;
      aborted = s.signal.aborted;
      return 'frozen';
    }, { uncancellable: true, compensate: (r) => { undone.push(r); return Promise.resolve(); } }));
    const id = await w.submit({}, { key: 'k' });
    await begun.opened;
    await engine?.jobs.cancel(id);
    await eventually(async () => (await job(id)).state === 'cancelling');
    go.open();
    await expect(w.result(id)).rejects.toMatchObject({ code: 'GW_JOB_CANCELLED' });
    expect([aborted, undone]).toEqual([false, ['frozen']]);
  });

  test('ends a wait: between two tries, and a sleep', async () => {
    const undone: string[] = [];
    const w = await start(async (ctx, input: string) => {
      if (input === 'sleep') await ctx.sleep('hour', 3_600_000);
      else await ctx.step('poll', () => Promise.reject(coded('GW_NOT_YET', 'waiting')), { backoffMs: 3_600_000, uncancellable: true, compensate: () => { undone.push('poll'); return Promise.resolve(); } });
    });
    for (const input of ['sleep', 'poll']) {
      const id = await w.submit(input, { key: input });
      await eventually(async () => (await job(id)).steps.some((s) => s.attempts === 1 && (input === 'sleep' || s.error !== undefined)));
      await engine?.jobs.cancel(id);
      await expect(w.result(id, { timeoutMs: 10_000 })).rejects.toMatchObject({ code: 'GW_JOB_CANCELLED' });
    }
    expect(undone).toEqual(['poll']);
  });

  test('of a queued job ends it at once, and it never runs', async () => {
    const go = gate();
    const ran: string[] = [];
    const w = await start((ctx, input: string) => ctx.step('s', async () => { ran.push(input); await go.opened; }));
    const first = await w.submit('first', { key: 'k' });
    const second = await w.submit('second', { key: 'k' });
    await eventually(() => ran.length === 1);
    expect((await job(second)).state).toBe('queued');
    expect(await engine?.jobs.cancel(second)).toBe(true);
    expect((await job(second)).state).toBe('cancelled');
    go.open();
    await w.result(first);
    const third = await w.submit('third', { key: 'k' });
    await w.result(third);
    expect(ran).toEqual(['first', 'third']);
    await expect(w.result(second)).rejects.toMatchObject({ code: 'GW_JOB_CANCELLED' });
  });
});

describe('events', () => {
  test('are seen live and again, in one order without gaps; progress is thinned, its last report kept', async () => {
    const w = await start(async (ctx) => {
      await ctx.step('copy', async (s) => {
        for (let done = 1; done <= 200; done++) s.progress({ phase: 'copying', item: 'vol', done, total: 200, unit: 'percent' });
        s.progress({ phase: 'copying', item: 'other', done: 1 });
        s.log('halfway', { at: 1 });
        await Promise.resolve();
      });
    });
    const stop = new AbortController();
    const live: JobEvent[] = [];
    const watching = (async () => {
      for await (const e of engine?.jobs.watch({ labels: { group: 'watched' }, after: 0 }, stop.signal) ?? []) live.push(e);
    })();
    const id = await w.submit({}, { key: 'k', labels: { group: 'watched' } });
    await w.result(id);
    await eventually(() => live.some((e) => (e.data as { state?: string }).state === 'succeeded' && e.type === 'state'));
    stop.abort();
    await watching;
    expect(live).toEqual(await engine?.jobs.events({ jobId: id }));
    expect(live.map((e) => e.seq)).toEqual([...live.map((e) => e.seq)].sort((a, b) => a - b));
    const progress = live.filter((e) => e.type === 'progress' && (e.data as { item?: string }).item === 'vol');
    expect(progress.length).toBeLessThanOrEqual(5);
    expect(progress.at(-1)?.data).toMatchObject({ done: 200 });
    expect(live.filter((e) => e.type === 'log')).toMatchObject([{ step: 'copy', data: { message: 'halfway', data: { at: 1 } } }]);
    expect((await job(id)).progress).toEqual([{ phase: 'copying', item: 'vol', done: 200, total: 200, unit: 'percent' }, { phase: 'copying', item: 'other', done: 1 }]);
    const order = live.map((e) => (e.type === 'state' || e.type === 'step' ? `${e.type} ${(e.data as { state: string }).state}` : e.type));
    expect(order.slice(0, 3)).toEqual(['state queued', 'state running', 'step running']);
    expect(order.slice(-2)).toEqual(['step succeeded', 'state succeeded']);
  });

  test('of a watcher that names no start are those from now on', async () => {
    const w = await start((ctx) => ctx.step('s', () => Promise.resolve()));
    await w.result(await w.submit({}, { key: 'k' }));
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const e of engine?.jobs.watch({}, stop.signal) ?? []) seen.push(e.jobId);
    })();
    await new Promise((r) => setTimeout(r, 100));
    const id = await w.submit({}, { key: 'k' });
    await w.result(id);
    await eventually(() => seen.length > 2);
    stop.abort();
    await watching;
    expect(new Set(seen)).toEqual(new Set([id]));
  });
});

describe('jobs', () => {
  test('are listed newest first, by label and state, page by page', async () => {
    const w = await start((_ctx, input: string) => (input === 'bad' ? Promise.reject(coded('GW_X', 'terminal')) : Promise.resolve(null)));
    const ids: string[] = [];
    for (const input of ['good', 'bad', 'good']) {
      const id = await w.submit(input, { key: 'k', labels: { list: 'yes' } });
      await w.result(id).catch(() => undefined);
      ids.unshift(id);
    }
    const list = async (filter: object): Promise<string[]> => ((await engine?.jobs.list({ labels: { list: 'yes' }, ...filter })) ?? []).map((j) => j.id);
    expect(await list({})).toEqual(ids);
    expect(await list({ state: ['failed'] })).toEqual([ids[1]]);
    expect(await list({ state: [] })).toEqual([]);
    expect(await list({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await list({ before: ids[0] })).toEqual(ids.slice(1));
    expect(await list({ workflow: 'other' })).toEqual([]);
  });

  test('that ended before a time are forgotten, running ones not', async () => {
    const go = gate();
    const w = await start((ctx, input: string) => ctx.step('s', () => (input === 'wait' ? go.opened : Promise.resolve())));
    const done = await w.submit('go', { key: 'a' });
    await w.result(done);
    const waiting = await w.submit('wait', { key: 'b' });
    await eventually(async () => (await job(waiting)).steps.length === 1);
    expect(await engine?.jobs.prune({ endedBefore: new Date(Date.now() + 60_000) })).toBeGreaterThan(0);
    expect(await engine?.jobs.get(done)).toBeUndefined();
    expect(await server.query(url, `SELECT 1 FROM dbos.workflow_status WHERE workflow_uuid = '${done}'`)).toEqual([]);
    go.open();
    await w.result(waiting);
  });
});

describe('code that was changed under a running job', () => {
  test('fails the job and says so, instead of doing something else than was begun', async () => {
    const begun = gate();
    const did: string[] = [];
    const w = await start(async (ctx) => {
      await ctx.step('old', () => Promise.resolve(), { compensate: () => { did.push('undone'); return Promise.resolve(); } });
      await ctx.step('wait', async () => {
        begun.open();
        await new Promise(() => undefined);
      });
    });
    const id = await w.submit({}, { key: 'k' });
    await begun.opened;
    await engine?.stop(0);
    const again = await start((ctx) => ctx.step('new', () => { did.push('new'); return Promise.resolve(); }));
    await expect(again.result(id)).rejects.toMatchObject({ code: 'GW_WORKFLOW_CHANGED', kind: 'terminal' });
    expect(did).toEqual([]);
  });
});

describe('an engine that cannot start', () => {
  const refused = async (databaseUrl: string): Promise<Error> => {
    engine = testEngine(databaseUrl);
    const e = await engine.start().then(() => undefined, (x: unknown) => x as Error);
    engine = undefined;
    return e ?? new Error('it started');
  };

  test('says which database is the trouble, and not its password', async () => {
    const away = await refused('postgresql://me:geheim@127.0.0.1:1/godwit');
    expect(away).toMatchObject({ code: 'GW_DATABASE', kind: 'retryable', message: expect.stringMatching(/"godwit" at 127\.0\.0\.1:1 as "me".*ECONNREFUSED/) as unknown });
    const wrong = new URL(url);
    wrong.password = 'geheim';
    const refusal = await refused(wrong.toString());
    expect(refusal).toMatchObject({ code: 'GW_DATABASE', kind: 'terminal' });
    expect(`${away.message} ${refusal.message}`).not.toContain('geheim');
    expect(() => testEngine('geheim')).toThrow(expect.objectContaining({ code: 'GW_DATABASE', message: expect.not.stringContaining('geheim') as unknown }) as Error);
  });

  test('because another runs in the process says so, and leaves that one alone', async () => {
    const w = await start((ctx) => ctx.step('s', () => Promise.resolve('fine')));
    await expect(testEngine(url).start()).rejects.toMatchObject({ code: 'GW_ENGINE_STATE' });
    expect(await w.result(await w.submit({}, { key: 'k' }))).toBe('fine');
    await expect(w.submit({}, { key: '' })).rejects.toMatchObject({ code: 'GW_JOB_INPUT' });
  });
});

describe('an engine that stops', () => {
  test('lets running steps end and be recorded; the next one goes on from there', async () => {
    const begun = gate();
    const calls: string[] = [];
    const run = async (ctx: WorkflowContext): Promise<string> => {
      await ctx.step('one', async () => {
        calls.push('one');
        begun.open();
        await new Promise((r) => setTimeout(r, 200));
      });
      await ctx.step('two', () => { calls.push('two'); return Promise.resolve(); });
      return 'end';
    };
    const w = await start(run);
    const id = await w.submit({}, { key: 'k' });
    await begun.opened;
    await engine?.stop();
    expect(calls).toEqual(['one']);
    const again = await start(run, { executorId: 'another' });
    expect(await again.result(id)).toBe('end');
    expect(calls).toEqual(['one', 'two']);
  });

  test('tells a step that does not end in time to stop, does not record it, and the next one runs it again', async () => {
    const begun = gate();
    let tries = 0;
    const run = (ctx: WorkflowContext): Promise<number> => ctx.step('long', async (s) => {
      if (++tries > 1) return tries;
      begun.open();
      await new Promise((_, reject) => { s.signal.addEventListener('abort', () => { reject(new Error('aborted')); }); });
      return 0;
    }, { attempts: 1 });
    const w = await start(run);
    const id = await w.submit({}, { key: 'k' });
    await begun.opened;
    await engine?.stop(50);
    const again = await start(run);
    expect(await again.result(id)).toBe(2);
  });

  test('goes on waiting for what is left of a sleep', async () => {
    const run = async (ctx: WorkflowContext): Promise<number> => {
      const from = await ctx.now('from');
      await ctx.sleep('nap', 1_500);
      return (await ctx.now('to')).getTime() - from.getTime();
    };
    const w = await start(run);
    const id = await w.submit({}, { key: 'k' });
    await eventually(async () => (await job(id)).steps.length === 1);
    await engine?.stop(60_000);
    // A wait is not work: the stop was not held up by it.
    expect((await server.query(url, `SELECT state FROM godwit_job_steps WHERE job_id = '${id}'`))[0]).toEqual({ state: 'running' });
    const restarted = Date.now();
    const again = await start(run);
    expect(await again.result(id)).toBeGreaterThanOrEqual(1_500);
    expect(Date.parse((await job(id)).steps[0]?.endedAt ?? '') - restarted).toBeLessThan(1_500);
  });
});

describe('a step that keeps something in the database itself', () => {
  test('waits as long as that is away, beyond the number of attempts', async () => {
    let tries = 0;
    const away = (): Error => Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });
    const w = await start((ctx) => ctx.step('keep', () => (++tries < 8 ? Promise.reject(away()) : Promise.resolve(tries)), { backoffMs: 1, attempts: 2 }));
    const id = await w.submit({}, { key: 'k' });
    expect(await w.result(id)).toBe(8);
  });
});
