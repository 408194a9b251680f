import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerHeap } from './timer-heap.ts';

describe('TimerHeap', () => {
  it('gives what was not removed in the order of time, then of setting', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.integer({ min: 0, max: 50 }), removed: fc.boolean() }), { maxLength: 300 }), (timers) => {
        const heap = new TimerHeap();
        const set = timers.map(({ at, removed }, i) => ({ i, at, removed, timer: heap.push(at, () => undefined) }));
        for (const { removed, timer } of set) if (removed) heap.remove(timer);
        const left = set.filter((s) => !s.removed);
        expect(heap.size).toBe(left.length);
        const popped: unknown[] = [];
        for (let next = heap.pop(); next; next = heap.pop()) popped.push(next);
        expect(popped).toEqual(left.sort((a, b) => a.at - b.at || a.i - b.i).map((s) => s.timer));
      }),
      { numRuns: 50 },
    );
  });
});
