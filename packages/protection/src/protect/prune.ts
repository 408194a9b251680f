import { at } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { deleteBackup } from '../cinder/backup.ts';
import { deleteGroupSnapshot } from '../cinder/drop-group-snapshot.ts';
import type { Deps } from '../deps.ts';
import { deleteManifest } from '../manifest/store.ts';
import { names } from '../names.ts';
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
  const gone = available.slice(0, -retain).filter((p) => p.volumes.every((v) => !neededRoots.has(v.chain[0])));
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
      deps.log('warn', 'a recovery point could not be pruned; it is tried again after the next protect', { point: point.id, error: String(error) });
    }
  }
  return { deleted };
}

/** The manifest first: without it nobody can take the rest for a recovery point. Then the backups, children before parents. */
export async function deletePoint(deps: Deps, group: Group, point: RecoveryPoint, signal: AbortSignal): Promise<void> {
  await deps.store.putPoint({ ...point, state: point.state === 'Failed' ? 'Failed' : 'Deleting' });
  const target = deps.sites.get(point.recoverySite).asProject(group.project);
  await deleteManifest(point.recoverySite, target, point.id);
  if (point.state !== 'Available') {
    const cloud = deps.sites.get(point.sourceSite).asProject(group.project);
    await at(point.sourceSite, () => deleteGroupSnapshot({ site: point.sourceSite, cloud, clock: deps.clock, signal }, point.id));
  }
  const chains = backupsOf(point, await deps.store.points(group.id));
  for (const site of [point.sourceSite, point.recoverySite]) {
    const cloud = deps.sites.get(site).asProject(group.project);
    await at(site, async () => {
      // By name too: one whose point failed before its backups were noted, and was not undone.
      const prefix = names.backup(point.id, '');
      const known = new Set(chains.flat());
      const more = (await cloud.volume.backups.list()).filter((b) => b.name?.startsWith(prefix) && !known.has(b.id));
      await Promise.all(
        [...chains, ...more.map((b) => [b.id])].map(async (ids) => {
          for (const id of ids) await deleteBackup({ site, cloud, clock: deps.clock, signal }, id);
        }),
      );
    });
  }
  await deps.store.deletePoint(point.id);
}

/**
 * A point's backups, of each volume the newest first: its own, and the ancestors that are no other point's. Those are of points that
 * failed and could not be undone; Cinder chained on them, and nothing before them can be deleted while they are there.
 */
export function backupsOf(point: RecoveryPoint, points: readonly RecoveryPoint[]): string[][] {
  const others = new Set(points.filter((p) => p.id !== point.id).flatMap((p) => p.volumes.map((v) => v.backupId)));
  return point.volumes
    .filter((v) => v.backupId !== '')
    .map((v) => {
      const ancestors = v.chain.slice(0, -1).reverse();
      const end = ancestors.findIndex((id) => others.has(id));
      return [v.backupId, ...(end < 0 ? ancestors : ancestors.slice(0, end))];
    });
}
