import { expect, it } from 'vitest';
import { Rate } from './rate.ts';

it('lets a burst through, and so many a second after it', () => {
  let now = 0;
  const rate = new Rate(3, 2, () => now);
  expect([1, 2, 3, 4].map(() => rate.take())).toEqual([true, true, true, false]);
  now = 500;
  expect([rate.take(), rate.take()]).toEqual([true, false]);
  now = 60_000;
  expect([1, 2, 3, 4].map(() => rate.take())).toEqual([true, true, true, false]);
});
