import { orUndefined, type Snapshot } from '@godwit/openstack';
import { stuck, type CinderDeps } from './group.ts';
import { waitFor } from './wait.ts';

/**
 * Deletes single snapshots and waits until they are gone. One that is still being made, or that a backup is being read from, is waited
 * for: Cinder refuses it before.
 */
export async function deleteSnapshots(deps: CinderDeps, which: (snapshot: Snapshot) => boolean): Promise<void> {
  const found = (await deps.cloud.volume.snapshots.list()).filter(which);
  await Promise.all(found.map((s) => removeVolumeSnapshot(deps, s.id)));
}

export async function removeVolumeSnapshot(deps: CinderDeps, id: string): Promise<void> {
  const { snapshots } = deps.cloud.volume;
  let asked = false;
  let status = '';
  await waitFor(
    async () => {
      const now = await orUndefined(snapshots.get(id));
      if (now === undefined) return true;
      status = now.status;
      if (!asked && (status === 'available' || status === 'error')) {
        await orUndefined(snapshots.delete(id));
        asked = true;
      } else if (status === 'error_deleting') throw stuck(deps.site, `snapshot ${id}`, status);
      return undefined;
    },
    { ...deps, pollMs: 500, timeoutMs: 600_000, onTimeout: () => stuck(deps.site, `snapshot ${id}`, `${status} for 600 s`) },
  );
}
