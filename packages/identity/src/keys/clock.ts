import type { NodeState } from '../nodes.ts';

/** Clock of a node minus the controller's, in ms; undefined while unknown. It has the report's way in it, so it is right to some tens of ms. */
export function skewOf(state: NodeState): number | undefined {
  const { report } = state;
  return report === undefined ? undefined : new Date(report.clock).getTime() - new Date(report.at).getTime();
}

/**
 * Nodes whose clock is not that of the others: one that is ahead refuses tokens that live, one that is behind accepts those that are over. The controller's
 * own clock is one voice among theirs (0), and without a majority that agrees nobody is judged: a controller with a wrong clock must not
 * take the star out of service.
 * @param skews ms, against the controller's clock
 */
export function clockOutliers(skews: ReadonlyMap<string, number>, limitMs: number): ReadonlyMap<string, number> {
  const voices = [0, ...skews.values()].sort((a, b) => a - b);
  const median = voices[Math.floor(voices.length / 2)] ?? 0;
  const near = (skew: number): boolean => Math.abs(skew - median) <= limitMs;
  if (voices.filter(near).length * 2 <= voices.length) return new Map();
  return new Map([...skews].filter(([, skew]) => !near(skew)).map(([node, skew]) => [node, skew - median]));
}
