import { expect, test } from 'vitest';
import { HoldingHook } from './holding-hook.ts';
import type { CrashPoint } from './protocol.ts';

const setUp = (waits = true) => {
  const held: string[] = [];
  const cancelled: string[] = [];
  const holds = new HoldingHook({ tell: () => undefined, held: (id) => held.push(id), cancel: async (id) => void cancelled.push(id), waits });
  const passed: string[] = [];
  const cross = (jobId: string, step: string, boundary: 'before' | 'after-effect' | 'after-record' = 'before'): Promise<void> =>
    Promise.resolve(holds.hook({ jobId, workflow: 'w', step, boundary })).then(() => void passed.push(`${jobId} ${step} ${boundary}`));
  return { holds, held, cancelled, passed, cross };
};
const at = (step: string, count = 1): CrashPoint => ({ workflow: 'w', step, boundary: 'before', count });
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

test('each job is held at its own boundary, and there with all its steps; others go on', async () => {
  const { holds, held, passed, cross } = setUp();
  holds.order({ a: { holdAt: at('s[]', 2) }, b: {} });
  void cross('a', 's[1]');
  void cross('a', 's[2]');
  void cross('a', 's[1]', 'after-effect');
  void cross('b', 's[2]');
  await settle();
  expect(held).toEqual(['a']);
  expect(passed).toEqual(['a s[1] before', 'b s[2] before']);
});

test('a job of which nothing is said waits at its first boundary', async () => {
  const { holds, held, passed, cross } = setUp();
  void cross('a', 'first');
  await settle();
  expect(passed).toEqual([]);
  holds.order({ a: { holdAt: at('first') } });
  await settle();
  expect(held).toEqual(['a']);
  expect(passed).toEqual([]);
});

test('a job is cancelled once, at the step that is named', async () => {
  const { holds, cancelled, passed, cross } = setUp(false);
  holds.order({ a: { cancelAt: 's' } });
  await cross('a', 'r');
  await cross('a', 's');
  await cross('a', 's');
  expect(cancelled).toEqual(['a']);
  expect(passed).toHaveLength(3);
});
