import type { Cloud, Snapshot } from '@godwit/openstack';
import { names } from '../names.ts';
import { stuck, type CinderDeps } from './group.ts';
import { waitFor } from './wait.ts';
import { isNotFound } from '../not-found.ts';

/** The one thing done inside the freeze window: nothing is looked up here that could have been looked up before. */
export async function takeGroupSnapshot(deps: CinderDeps, cinderGroupId: string, pointId: string): Promise<string> {
  const { groupSnapshots } = deps.cloud.volume;
  const made = await groupSnapshots.create({ name: names.groupSnapshot(pointId), group_id: cinderGroupId });
  await waitFor(
    async () => {
      const snapshot = await groupSnapshots.get(made.id);
      if (snapshot.status === 'available') return true;
      if (snapshot.status.startsWith('error')) throw stuck(deps.site, `group snapshot ${made.id}`, snapshot.status);
      return undefined;
    },
    // Polled closely: every poll that comes late is time in which the guests stand still.
    { ...deps, pollMs: 40, timeoutMs: 300_000, onTimeout: () => stuck(deps.site, `group snapshot ${made.id}`, 'not available after 300 s') },
  );
  return made.id;
}

/** The snapshot of each volume, by volume id. */
export async function memberSnapshots(cloud: Cloud, groupSnapshotId: string): Promise<Map<string, Snapshot>> {
  const all = await cloud.volume.snapshots.list();
  return new Map(all.filter((s) => s.group_snapshot_id === groupSnapshotId).map((s) => [s.volume_id, s]));
}

/** Deletes the group snapshot of a point, if there is one, and waits until it is gone. */
export async function deleteGroupSnapshot(deps: CinderDeps, pointId: string): Promise<void> {
  const { groupSnapshots, snapshots } = deps.cloud.volume;
  for (const found of (await groupSnapshots.list()).filter((g) => g.name === names.groupSnapshot(pointId))) {
    await waitFor(
      async () => {
        // A snapshot that a backup is being read from is busy; cinder-backup puts it back when it is done.
        const busy = (await snapshots.list()).some((s) => s.group_snapshot_id === found.id && s.status === 'backing-up');
        return busy ? undefined : true;
      },
      { ...deps, pollMs: 1_000, timeoutMs: 600_000, onTimeout: () => stuck(deps.site, `group snapshot ${found.id}`, 'busy for 600 s') },
    );
    let asked = false;
    await waitFor(
      async () => {
        try {
          const now = await groupSnapshots.get(found.id);
          if (asked && now.status.startsWith('error')) throw stuck(deps.site, `group snapshot ${found.id}`, now.status);
          // One that is still being made cannot be deleted yet.
          if (!asked && (now.status === 'available' || now.status.startsWith('error'))) {
            await groupSnapshots.delete(found.id);
            asked = true;
          }
          return undefined;
        } catch (error) {
          if (isNotFound(error)) return true;
          throw error;
        }
      },
      { ...deps, pollMs: 500, timeoutMs: 300_000, onTimeout: () => stuck(deps.site, `group snapshot ${found.id}`, 'not deleted after 300 s') },
    );
  }
}
