import { systemClock, type Clock } from '@godwit/protection';
import { globalRequestId } from '@godwit/workflow';

/**
 * The time of day is the real one (limits, brokers' times to live and tokens count by it); only pauses are shorter, as emulated sites
 * work faster than real ones. A pause keeps a millisecond, so that a loop of them lets others run.
 *
 * What lasts longer than any pause is patience (with a site that does not answer): a busy machine needs all of it.
 */
export function hurriedSleep(pace: number): Clock['sleep'] {
  return (ms, signal) => systemClock.sleep(ms >= PATIENCE_MS ? ms : Math.max(1, ms * pace), signal);
}

const PATIENCE_MS = 8_000;

/** `loops`: the pace of what a controller does again and again beside its jobs. */
export function hurriedClock(pace: number, loops = pace): Clock {
  const [inSteps, beside] = [hurriedSleep(pace), hurriedSleep(loops)];
  return { now: systemClock.now, sleep: (ms, signal) => (globalRequestId() === undefined ? beside : inSteps)(ms, signal) };
}
