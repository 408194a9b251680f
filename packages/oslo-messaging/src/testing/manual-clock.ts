import { setImmediate as turn } from 'node:timers/promises';
import type { RpcClock } from '../clock.ts';

export interface ManualClock extends RpcClock {
  /** Lets `ms` pass, running what falls due in order, each with all that follows from it before the next. */
  advance(ms: number): Promise<void>;
}

/** Lets pending promises and immediates run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await turn();
}

/** Time that moves only when told to. */
export function createManualClock(): ManualClock {
  let time = 0;
  let order = 0;
  const timers = new Map<number, { at: number; action: () => void }>();
  const nextDue = (until: number): [number, { at: number; action: () => void }] | undefined =>
    [...timers].filter(([, timer]) => timer.at <= until).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  return {
    now: () => time,
    after(ms, action) {
      const id = (order += 1);
      timers.set(id, { at: time + Math.max(0, ms), action });
      return () => timers.delete(id);
    },
    async advance(ms) {
      const until = time + ms;
      await settle();
      for (let due = nextDue(until); due; due = nextDue(until)) {
        const [id, timer] = due;
        timers.delete(id);
        time = timer.at;
        timer.action();
        await settle();
      }
      time = until;
      await settle();
    },
  };
}
