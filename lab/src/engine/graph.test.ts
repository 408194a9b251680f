import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { runGraph, type Task } from './graph.ts';

function recorder(): { log: string[]; task: (key: string, needs?: string[], work?: () => Promise<void>) => Task } {
  const log: string[] = [];
  return {
    log,
    task: (key, needs = [], work = () => delay(1)) => ({
      key, needs,
      run: async () => {
        log.push(`+${key}`);
        await work();
        log.push(`-${key}`);
      },
    }),
  };
}

describe('runGraph', () => {
  it('starts a task only after all its needs; unknown needs are met', async () => {
    const { log, task } = recorder();
    await runGraph([task('c', ['a', 'b']), task('a'), task('b', ['a', 'of an earlier run'])], 4);
    expect(log).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
  });

  it('runs no more than the limit at once, in the order given', async () => {
    const { log, task } = recorder();
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await delay(5);
      running -= 1;
    };
    await runGraph(['a', 'b', 'c', 'd', 'e'].map((k) => task(k, [], work)), 2);
    expect(most).toBe(2);
    expect(log.filter((l) => l.startsWith('+'))).toEqual(['+a', '+b', '+c', '+d', '+e']);
  });

  it('after a failure starts nothing new, waits for what runs, and throws the first error', async () => {
    const { log, task } = recorder();
    const bad = task('bad', [], () => Promise.reject(new Error('first')));
    await expect(runGraph([bad, task('slow', [], () => delay(20)), task('next', ['slow']), task('after', ['bad'])], 2)).rejects.toThrow('first');
    expect(log).toEqual(['+bad', '+slow', '-slow']);
  });

  it('names tasks that wait for each other', async () => {
    const { task } = recorder();
    await expect(runGraph([task('a', ['b']), task('b', ['a']), task('c')], 2)).rejects.toThrow(/wait for each other: a, b/);
  });
});
