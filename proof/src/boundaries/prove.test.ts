import { expect, test } from 'vitest';
import { batches } from './prove.ts';

test('batches hold all cases once, are of one size, and share each kind evenly', () => {
  const all = [...Array.from({ length: 25 }, (_, n) => `a${n}`), ...Array.from({ length: 7 }, (_, n) => `b${n}`)];
  const made = batches(all, 10, (one) => one[0]);
  expect(made).toHaveLength(4);
  expect(made.flat().sort()).toEqual([...all].sort());
  expect(made.map((b) => b.length)).toEqual([8, 8, 8, 8]);
  expect(Math.max(...made.map((b) => b.filter((one) => one.startsWith('b')).length))).toBe(2);
  expect(batches([], 10, () => 0)).toEqual([]);
});
