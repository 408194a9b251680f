import type { Job } from '@godwit/workflow';
import type { Advice, Group, MethodName, RecoveryPoint } from '../schemas.ts';

type Expected = Advice['methods'][number]['expected'];

/** How much of the past speaks for the future: the newest of each kind. */
const window = 10;

/**
 * What this group's own past says of a method. Only what was measured: a method that made no point of it says nothing.
 * @param points of the group, oldest first
 * @param jobs protects and recoveries of the group that succeeded
 */
export function measured(method: MethodName, group: Pick<Group, 'activeSite'>, points: readonly RecoveryPoint[], jobs: readonly Job[]): Expected {
  // At another site, or to it, the same method takes another time.
  const mine = points.filter((p) => p.state === 'Available' && (p.method ?? 'group-snapshot') === method && p.sourceSite === group.activeSite).slice(-window);
  if (mine.length === 0) return { points: 0 };
  const byId = new Map(jobs.map((j) => [j.id, j]));
  const seconds = mine.flatMap((p) => {
    const ended = byId.get(p.jobId ?? '')?.endedAt;
    return ended === undefined || p.frozenAt === undefined ? [] : [(Date.parse(ended) - Date.parse(p.frozenAt)) / 1_000];
  });
  const ids = new Set(points.filter((p) => (p.method ?? 'group-snapshot') === method).map((p) => p.id));
  const recoveries = jobs.filter((j) => j.workflow === 'recover').map((j) => j.result as { point?: string; rtoSeconds?: number; alreadyActive?: boolean } | undefined)
    .filter((r) => r?.alreadyActive === false && ids.has(r.point ?? '')).flatMap((r) => (r?.rtoSeconds === undefined ? [] : [r.rtoSeconds])).slice(0, window);
  const protectSeconds = median(seconds);
  const apart = median(mine.slice(1).map((p, n) => (time(p) - time(mine[n] as RecoveryPoint)) / 1_000));
  const images = (mine.at(-1)?.images ?? []).reduce((sum, i) => sum + i.sizeBytes, 0);
  return {
    points: mine.length,
    freezeWindowMs: Math.max(...mine.map((p) => p.freezeWindowMs ?? 0)),
    ...(protectSeconds === undefined ? {} : { protectSeconds }),
    // Lost right before the next point counts: the whole time between two, and what the next one needs.
    ...(apart === undefined || protectSeconds === undefined ? {} : { rpoSeconds: apart + protectSeconds }),
    ...(recoveries.length === 0 ? {} : { rtoSeconds: median(recoveries) }),
    ...(images === 0 ? {} : { imageBytes: images }),
  };
}

const time = (p: RecoveryPoint): number => Date.parse(p.frozenAt ?? p.createdAt);

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}
