import { at } from '@godwit/sites';
import { deleteBackup } from '../../cinder/backup.ts';
import type { Deps } from '../../deps.ts';
import { names } from '../../names.ts';
import type { Group, RecoveryPoint } from '../../schemas.ts';
import { deleteRootImages } from './root-images.ts';

/** Deletes a point's backups at both sites, children before parents, and the images that lie beside them. */
export async function removeData(deps: Deps, group: Group, point: RecoveryPoint, signal: AbortSignal): Promise<void> {
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
  await deleteRootImages(deps, group, point.recoverySite, point.id);
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
