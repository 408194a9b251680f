// A controller to be killed: the guarantee tests run this file as a process of its own (see child.ts).
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { crashHookFromEnv, createEngine, stillOurs } from '../src/index.ts';
import type { WorkflowContext } from '../src/index.ts';

const env = process.env;
const note = (text: string): void => { appendFileSync(env['EFFECTS'] ?? '', `${env['NAME']} ${text}\n`); };
const hook = crashHookFromEnv(env);
const engine = createEngine({
  databaseUrl: env['DATABASE_URL'] ?? '', applicationVersion: env['VERSION'] ?? 'test', executorId: env['EXECUTOR'] ?? '',
  queuePollMs: 20, heartbeatMs: 100, deadAfterMs: Number(env['DEAD_AFTER_MS'] ?? 60_000), ...(hook === undefined ? {} : { onBoundary: hook }),
  log: (level, message) => { if (level === 'error') process.stderr.write(`${message}\n`); },
});

const effect = (text: string) => (): Promise<string> => { note(text); return Promise.resolve(text); };
const workflows = {
  good: async (ctx: WorkflowContext) => {
    const a = await ctx.step('a', effect('a'));
    const b = await ctx.all('b', ['x', 'y'], (i) => i, (i) => effect(`b[${i}]`)(), { limit: 1 });
    await ctx.sleep('nap', 50);
    return { a, b, c: await ctx.step('c', effect('c')) };
  },
  bad: async (ctx: WorkflowContext) => {
    await ctx.step('a', effect('a'), { compensate: async (r) => { note(`undo ${String(r)}`); await Promise.resolve(); } });
    await ctx.step('b', effect('b'), { compensate: async (r) => { note(`undo ${String(r)}`); await Promise.resolve(); } });
    await ctx.step('c', () => Promise.reject(Object.assign(new Error('c cannot be done'), { code: 'GW_C', kind: 'terminal', details: { why: 'because' } })));
  },
  slow: async (ctx: WorkflowContext) => {
    for (const i of [1, 2, 3]) {
      await ctx.step(`s${i}`, async () => {
        note(`${ctx.jobId} begin ${i}`);
        await delay(Number(env['STEP_MS'] ?? 200));
        note(`${ctx.jobId} end ${i}`);
      });
    }
  },
  change: async (ctx: WorkflowContext) => {
    await ctx.step('change', async () => {
      note('looks');
      await delay(Number(env['STEP_MS'] ?? 200));
      await stillOurs();
      note('changes');
    });
  },
  heed: async (ctx: WorkflowContext) => {
    await ctx.step('wait', async (s) => {
      note('begin');
      await delay(60_000, undefined, { signal: s.signal }).catch(() => { note(`told to stop: ${(s.signal.reason as { code: string }).code}`); });
    });
  },
};
const handles = Object.fromEntries(Object.entries(workflows).map(([name, run]) => [name, engine.define<unknown, unknown>({ name, run })]));
await engine.start();
// "workflow:job:key", separated by blanks.
for (const job of (env['SUBMIT'] ?? '').split(' ').filter((s) => s !== '')) {
  const [workflow = '', jobId = '', key = ''] = job.split(':');
  await handles[workflow]?.submit({}, { jobId, key });
}
