import { describe, expect, it, vi } from 'vitest';
import { keepJobs } from './retention.ts';

describe('job retention', () => {
  it('forgets jobs that ended 90 days ago, batch by batch, at the start and every hour', async () => {
    vi.useFakeTimers();
    try {
      const asked: string[] = [];
      const left = [1_000, 1_000, 3, 0];
      const jobs = { prune: (o: { endedBefore: Date }) => (asked.push(o.endedBefore.toISOString()), Promise.resolve(left.shift() ?? 0)) };
      const stop = keepJobs(jobs, () => new Date('2026-04-01T00:00:00Z'), () => undefined);
      await vi.advanceTimersByTimeAsync(0);
      expect(asked).toEqual(Array(3).fill('2026-01-01T00:00:00.000Z'));
      await vi.advanceTimersByTimeAsync(3_600_000);
      expect(asked.length).toBe(4);
      await stop();
      await vi.advanceTimersByTimeAsync(7_200_000);
      expect(asked.length).toBe(4);
    } finally {
      vi.useRealTimers();
    }
  });

  it('a database that fails is a warning, and is asked again', async () => {
    vi.useFakeTimers();
    try {
      const warned: unknown[] = [];
      const stop = keepJobs({ prune: () => Promise.reject(new Error('gone')) }, () => new Date(), (e) => warned.push(e));
      await vi.advanceTimersByTimeAsync(3_600_000);
      expect(warned.length).toBe(2);
      await stop();
    } finally {
      vi.useRealTimers();
    }
  });
});
