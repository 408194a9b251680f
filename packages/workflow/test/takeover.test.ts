import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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

const seen = (url: string, text: string) => eventually(async () => (await children.effects(url)).includes(text));
const ended = (url: string, id: string) => eventually(async () => (await server.query(url, `SELECT state FROM godwit_jobs WHERE id = '${id}' AND ended_at IS NOT NULL`))[0]?.['state'] as string | undefined);

test('the jobs of a killed controller are taken over by another, one at a time per key, and no recorded step is redone', async () => {
  const url = await server.newDatabase();
  const env = { DATABASE_URL: url, DEAD_AFTER_MS: '700' };
  const x = children.start({ ...env, NAME: 'x', EXECUTOR: 'x', SUBMIT: 'slow:j1:k slow:j2:k' });
  await seen(url, 'x j1 begin 2');
  const y = children.start({ ...env, NAME: 'y', EXECUTOR: 'y' });
  x.kill('SIGKILL');
  await x.ended;
  expect(await server.query(url, `SELECT id, state FROM godwit_jobs ORDER BY id`)).toEqual([{ id: 'j1', state: 'running' }, { id: 'j2', state: 'queued' }]);
  expect([await ended(url, 'j1'), await ended(url, 'j2')]).toEqual(['succeeded', 'succeeded']);
  y.kill('SIGKILL');
  const one = (who: string, job: string, i: number): string[] => [`${who} ${job} begin ${i}`, `${who} ${job} end ${i}`];
  const effects = await children.effects(url);
  expect(effects.filter((e) => e !== 'x j1 begin 2' && e !== 'x j1 end 2')).toEqual(
    [...one('x', 'j1', 1), ...one('y', 'j1', 2), ...one('y', 'j1', 3), ...one('y', 'j2', 1), ...one('y', 'j2', 2), ...one('y', 'j2', 3)]);
});

test('a controller that hung and was taken for dead is refused its next step when it comes back, and can take new jobs', async () => {
  const url = await server.newDatabase();
  const env = { DATABASE_URL: url, DEAD_AFTER_MS: '700' };
  const x = children.start({ ...env, NAME: 'x', EXECUTOR: 'x', SUBMIT: 'slow:j1:k' });
  await seen(url, 'x j1 begin 2');
  x.kill('SIGSTOP');
  const y = children.start({ ...env, NAME: 'y', EXECUTOR: 'y' });
  await seen(url, 'y j1 begin 3');
  x.kill('SIGCONT');
  expect(await ended(url, 'j1')).toBe('succeeded');
  // Its call in flight ends, as nothing can take that back; nothing else is begun.
  expect((await children.effects(url)).filter((e) => e.startsWith('x')).slice(2).filter((e) => e !== 'x j1 end 2')).toEqual(['x j1 begin 2']);
  const [row] = await server.query(url, `SELECT executor FROM godwit_jobs WHERE id = 'j1'`);
  expect(row?.['executor']).toBe('y');
  y.kill('SIGKILL');
  await y.ended;
  const z = children.start({ ...env, NAME: 'z', EXECUTOR: 'y', SUBMIT: 'good:j2:k2 good:j3:k3 good:j4:k4' });
  await Promise.all(['j2', 'j3', 'j4'].map((id) => ended(url, id)));
  z.kill('SIGKILL');
  expect(await eventually(async () => (await server.query(url, `SELECT 1 FROM godwit_executors WHERE id = 'x'`)).length === 1)).toBe(true);
});

test('a controller started again under its id goes on at once, and the hung one stops when it comes back', async () => {
  const url = await server.newDatabase();
  const env = { DATABASE_URL: url, EXECUTOR: 'same', DEAD_AFTER_MS: '60000' };
  const x = children.start({ ...env, NAME: 'x', SUBMIT: 'slow:j1:k' });
  await seen(url, 'x j1 begin 2');
  x.kill('SIGSTOP');
  const y = children.start({ ...env, NAME: 'y' });
  expect(await ended(url, 'j1')).toBe('succeeded');
  x.kill('SIGCONT');
  // It finds its row taken, stops working and, having nothing else to do, ends.
  expect(await x.ended).toBe('0');
  expect((await children.effects(url)).filter((e) => e.startsWith('x') && e.includes('begin'))).toEqual(['x j1 begin 1', 'x j1 begin 2']);
  y.kill('SIGKILL');
});

test('a step of a controller that hung is told to stop when its job was taken over', async () => {
  const url = await server.newDatabase();
  const env = { DATABASE_URL: url, DEAD_AFTER_MS: '700' };
  const x = children.start({ ...env, NAME: 'x', EXECUTOR: 'x', SUBMIT: 'heed:j1:k' });
  await seen(url, 'x begin');
  x.kill('SIGSTOP');
  children.start({ ...env, NAME: 'y', EXECUTOR: 'y' });
  await seen(url, 'y begin');
  x.kill('SIGCONT');
  await seen(url, 'x told to stop: GW_JOB_TAKEN_OVER');
});

test('a controller that was stopped inside a step, and taken over, makes no change any more that the step had still to make', async () => {
  const url = await server.newDatabase();
  const env = { DATABASE_URL: url, DEAD_AFTER_MS: '700' };
  const x = children.start({ ...env, NAME: 'x', EXECUTOR: 'x', SUBMIT: 'change:j1:k' });
  await seen(url, 'x looks');
  x.kill('SIGSTOP');
  const y = children.start({ ...env, NAME: 'y', EXECUTOR: 'y' });
  expect(await ended(url, 'j1')).toBe('succeeded');
  x.kill('SIGCONT');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(await children.effects(url)).toEqual(['x looks', 'y looks', 'y changes']);
  x.kill('SIGKILL');
  y.kill('SIGKILL');
});
