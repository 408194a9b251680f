import { expect, test } from 'vitest';
import { Limit } from './limit.ts';

test('no more than allowed are inside at once, and they enter in the order of asking', async () => {
  const limit = new Limit(2);
  const entered: number[] = [];
  let inside = 0;
  let most = 0;
  await Promise.all([1, 2, 3, 4, 5].map(async (i) => {
    await limit.acquire();
    entered.push(i);
    most = Math.max(most, ++inside);
    await new Promise((r) => setTimeout(r, 1));
    inside--;
    limit.release();
  }));
  expect(most).toBe(2);
  expect(entered).toEqual([1, 2, 3, 4, 5]);
});

test('a place that is left before its turn, or twice, makes room once', async () => {
  const limit = new Limit(1);
  const [first, second, third] = [limit.take(), limit.take(), limit.take()];
  const entered: string[] = [];
  void second.turn.then(() => entered.push('second'));
  void third.turn.then(() => entered.push('third'));
  second.leave();
  second.leave();
  await first.turn;
  await new Promise((r) => setTimeout(r, 1));
  expect(entered).toEqual([]);
  first.leave();
  await third.turn;
  expect(entered).toEqual(['second', 'third']);
  let fourth = false;
  void limit.take().turn.then(() => { fourth = true; });
  await new Promise((r) => setTimeout(r, 1));
  expect(fourth).toBe(false);
});
