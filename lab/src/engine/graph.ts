import { LabError } from '../errors.ts';

/** One thing to do, after others. Needs that name nothing in the graph count as met: they were met by an earlier run. */
export interface Task {
  readonly key: string;
  readonly needs: readonly string[];
  run(): Promise<void>;
}

/**
 * Runs tasks as their needs allow, at most `limit` at a time, in the order given where there is a choice. The first failure
 * stops new tasks from starting; it is thrown when those that run have ended, so nothing goes on behind the caller's back.
 */
export async function runGraph(tasks: readonly Task[], limit: number): Promise<void> {
  const known = new Set(tasks.map((t) => t.key));
  if (known.size !== tasks.length) throw new TypeError('runGraph: two tasks have the same key');
  const waiting = new Map(tasks.map((t) => [t.key, new Set(t.needs.filter((n) => known.has(n)))]));
  const queue = [...tasks];
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  while (queue.length > 0 || running.size > 0) {
    for (let i = 0; failures.length === 0 && running.size < limit && i < queue.length; ) {
      const task = queue[i];
      if (!task || (waiting.get(task.key)?.size ?? 0) > 0) {
        i += 1;
        continue;
      }
      queue.splice(i, 1);
      const promise = task
        .run()
        .then(
          () => {
            for (const needs of waiting.values()) needs.delete(task.key);
          },
          (error: unknown) => {
            failures.push(error);
          },
        )
        .finally(() => running.delete(promise));
      running.add(promise);
    }
    if (running.size === 0) {
      if (failures.length > 0) break;
      throw new LabError('LAB_CYCLE', `these wait for each other: ${queue.map((t) => t.key).join(', ')}`);
    }
    await Promise.race(running);
  }
  if (failures.length > 0) throw failures[0];
}
