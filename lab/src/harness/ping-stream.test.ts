import { expect, it } from 'vitest';
import { pingStats } from './ping-stream.ts';

it('what is missing between two answers is lost, and lasts from one to the other', () => {
  const answers = [1, 2, 3, 7, 8, 10].map((seq) => ({ seq, at: 1_000 + seq * 50 }));
  expect(pingStats(answers)).toEqual({ sent: 10, lost: 4, gaps: [{ at: 1_150, lost: 3, ms: 200 }, { at: 1_400, lost: 1, ms: 100 }], longestMs: 200 });
  expect(pingStats([])).toEqual({ sent: 0, lost: 0, gaps: [], longestMs: 0 });
});
