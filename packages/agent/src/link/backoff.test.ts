import { expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

it('pauses double up to a limit, vary by half, and begin anew after a connection', () => {
  const high = new Backoff(60_000, () => 1);
  const low = new Backoff(60_000, () => 0);
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => high.next(false))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  expect([1, 2, 3].map(() => low.next(false))).toEqual([500, 1_000, 2_000]);
  high.reset();
  expect(high.next(false)).toBe(1_000);
  // One that was refused has no reason to hurry.
  expect(high.next(true)).toBe(60_000);
});
