import { isDatabaseAway, type StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { deleteManifest } from '../manifest/store.ts';
import { methodOf } from '../methods/index.ts';
import type { Group, RecoveryPoint } from '../schemas.ts';

/**
 * Points that retention no longer keeps. A backup that others depend on cannot go, so a chain goes as a whole, once none of its
 * points is kept: a few more points than asked for may stay.
 */
export function expired(points: readonly RecoveryPoint[], retain: number): RecoveryPoint[] {
  // By age, not by number: a rebuild may have given old points new numbers.
  const age = (p: RecoveryPoint): number => Date.parse(p.frozenAt ?? p.createdAt);
  const available = points.filter((p) => p.state === 'Available').toSorted((a, b) => age(a) - age(b));
  const kept = available.slice(-retain);
  const neededRoots = new Set(kept.flatMap((p) => p.volumes.map((v) => v.chain[0])));
  const gone = available.slice(0, -retain).filter((p) => p.volumes.every((v) => v.chain[0] === undefined || !neededRoots.has(v.chain[0])));
  const deleting = points.filter((p) => p.state === 'Deleting');
  const failed = points.filter((p) => p.state === 'Failed').slice(0, -10); // the newest failures stay to be read
  return [...deleting, ...failed, ...gone].reverse();
}

/** Retention. What cannot be deleted now is tried again after the next protect: pruning never fails a good recovery point. */
export async function prune(deps: Deps, groupId: string, s: StepContext): Promise<{ deleted: number }> {
  const group = await deps.store.group(groupId);
  if (!group) return { deleted: 0 };
  let deleted = 0;
  for (const point of expired(await deps.store.points(groupId), group.policy.retain)) {
    try {
      s.progress({ phase: 'Pruning', message: `recovery point ${point.sequence}` });
      await deletePoint(deps, group, point, s.signal);
      deleted++;
    } catch (error) {
      s.signal.throwIfAborted();
      if (isDatabaseAway(error)) throw error;
      deps.log('warn', 'a recovery point could not be pruned; it is tried again after the next protect', { point: point.id, error: String(error) });
    }
  }
  return { deleted };
}

/** The manifest first: without it nobody can take the rest for a recovery point. Then its data, as the method that made it keeps it. */
export async function deletePoint(deps: Deps, group: Group, point: RecoveryPoint, signal: AbortSignal): Promise<void> {
  await deps.store.putPoint({ ...point, state: point.state === 'Failed' ? 'Failed' : 'Deleting' });
  const target = deps.sites.get(point.recoverySite).asProject(group.project);
  await deleteManifest(point.recoverySite, target, point.id);
  const method = methodOf(point);
  if (point.state !== 'Available') await method.cleanUp(deps, group, point, signal);
  await method.store.remove(deps, group, point, signal);
  await deps.store.deletePoint(point.id);
}
