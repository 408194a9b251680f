import { describe, expect, test, vi } from 'vitest';
import { Reports } from './reports.ts';
import type { Progress } from './types.ts';

function made(fail = false) {
  vi.useFakeTimers();
  const written: string[] = [];
  const errors: unknown[] = [];
  const write = (text: string): Promise<void> => {
    if (fail) return Promise.reject(new Error('away'));
    written.push(text);
    return Promise.resolve();
  };
  const reports = new Reports({
    progress: (step: string, p: Progress) => write(`${step} ${p.item ?? '-'} ${p.done ?? '?'}`),
    log: (step, message) => write(`${step} says ${message}`),
  }, 's', (e) => { errors.push(e); }, () => Date.now());
  return { reports, written, errors };
}

describe('reports of a step', () => {
  test('of one item are written at most four times a second, the latest each time', async () => {
    const { reports, written } = made();
    for (let i = 0; i <= 100; i++) {
      reports.progress({ phase: 'p', done: i });
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(written.length).toBeGreaterThanOrEqual(4);
    expect(written.length).toBeLessThanOrEqual(5);
    expect(written[0]).toBe('s - 0');
    vi.useRealTimers();
  });

  test('the last one is written when the step ends, of each item, and none after that', async () => {
    const { reports, written } = made();
    for (const done of [1, 2, 3]) for (const item of ['a', 'b']) reports.progress({ phase: 'p', item, done });
    reports.log('nearly');
    await reports.close();
    reports.progress({ phase: 'p', item: 'a', done: 4 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(written).toEqual(['s a 1', 's b 1', 's says nearly', 's a 3', 's b 3']);
    vi.useRealTimers();
  });

  test('that cannot be written do not fail the step', async () => {
    const { reports, errors } = made(true);
    reports.progress({ phase: 'p', done: 1 });
    reports.log('x');
    await reports.close();
    expect(errors).toHaveLength(2);
    vi.useRealTimers();
  });
});
