import type { JobStore } from '@godwit/workflow';

/** How long ended jobs are kept, with their steps and events. Recovery points are not jobs: the group's policy keeps those. */
const keepMs = 90 * 24 * 3_600_000;
const everyMs = 3_600_000;
const batch = 1_000;

/** Forgets old jobs, a batch at a time, now and every hour. Several controllers may do it at once. Returns what stops it. */
export function keepJobs(jobs: Pick<JobStore, 'prune'>, now: () => Date, warn: (error: unknown) => void): () => Promise<void> {
  let round: Promise<void> = Promise.resolve();
  let stopped = false;
  const begin = (): void => {
    round = (async () => {
      while (!stopped && (await jobs.prune({ endedBefore: new Date(now().getTime() - keepMs), limit: batch })) === batch);
    })().catch(warn);
  };
  begin();
  const timer = setInterval(begin, everyMs);
  return () => {
    stopped = true;
    clearInterval(timer);
    return round;
  };
}
