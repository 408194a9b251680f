import type { Cloud, Snapshot } from '@godwit/openstack';
import { names } from '../names.ts';
import { stuck, type CinderDeps } from './group.ts';
import { waitFor } from './wait.ts';

/** The one thing done inside the freeze window: nothing is looked up here that could have been looked up before. */
export async function takeGroupSnapshot(deps: CinderDeps, cinderGroupId: string, pointId: string): Promise<string> {
  const { groupSnapshots } = deps.cloud.volume;
  const made = await groupSnapshots.create({ name: names.groupSnapshot(pointId), group_id: cinderGroupId }, { signal: deps.signal });
  await waitFor(
    async () => {
      const snapshot = await groupSnapshots.get(made.id, { signal: deps.signal });
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
