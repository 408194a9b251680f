import { expect, it } from 'vitest';
import { onceDatabaseIsBack } from './away.ts';

const away = Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });

function asking(...answers: unknown[]) {
  const [halt, pauses] = [new AbortController(), [] as number[]];
  const ask = (): Promise<unknown> => {
    const answer = answers.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const begin = () => onceDatabaseIsBack(ask, { signal: halt.signal, sleep: (ms) => { pauses.push(ms); return Promise.resolve(); } });
  return { begin, halt, pauses };
}

it('asks again while the database is away, ever later', async () => {
  const { begin, pauses } = asking(away, away, away, away, away, away, 'row');
  expect(await begin()).toBe('row');
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 2_000]);
});

it('gives up at any other error, and when it is told to', async () => {
  const other = new Error('duplicate key');
  await expect(asking(other).begin()).rejects.toBe(other);
  const { begin, halt, pauses } = asking(away, 'row');
  halt.abort();
  await expect(begin()).rejects.toBe(away);
  expect(pauses).toEqual([]);
});
