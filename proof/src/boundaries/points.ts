import { type CrashPoint, withoutItem } from '../controllers/protocol.ts';
import type { ControllerProcess } from '../controllers/processes.ts';

/**
 * Every boundary that a whole run of a workflow crosses, in the order in which it was first crossed. The list is the workflow's own: a step
 * that is added tomorrow is in it.
 */
export function crashPoints(crossed: ControllerProcess['boundaries'], workflow: string): CrashPoint[] {
  const counts = new Map<string, number>();
  return crossed.filter((at) => at.workflow === workflow).map((at) => {
    const key = `${withoutItem(at.step)}:${at.boundary}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return { workflow, step: withoutItem(at.step), boundary: at.boundary, count };
  });
}

/** Steps of a job that were begun and not recorded. */
export function openSteps(crossed: ControllerProcess['boundaries'], jobId: string): string[] {
  const mine = crossed.filter((b) => b.jobId === jobId);
  const recorded = new Set(mine.filter((b) => b.boundary === 'after-record').map((b) => b.step));
  return mine.filter((b) => b.boundary === 'before' && !recorded.has(b.step)).map((b) => withoutItem(b.step));
}

export const nameOf = (p: CrashPoint): string => `${p.workflow} ${p.step}${p.step.endsWith('[]') ? `#${p.count}` : p.count > 1 ? ` (${p.count})` : ''} ${p.boundary}`;
