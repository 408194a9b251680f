import { names } from '../names.ts';
import { isNotFound } from '../not-found.ts';
import { stuck, type CinderDeps } from './group.ts';
import { waitFor } from './wait.ts';

/**
 * How long a group snapshot may stay `creating` or `deleting` here before it counts as forgotten. When the broker dies while Cinder works
 * on it, the order or its answer is lost, and the status stays for ever: seen on the real one.
 */
const patienceMs = 60_000;

/** Deletes the group snapshot of a point, if there is one, and waits until it is gone. */
export async function deleteGroupSnapshot(deps: CinderDeps, pointId: string): Promise<void> {
  const found = (await deps.cloud.volume.groupSnapshots.list()).filter((g) => g.name === names.groupSnapshot(pointId));
  for (const snapshot of found) {
    await untilIdle(deps, snapshot.id);
    await drop(deps, snapshot.id);
  }
}

/** A snapshot that a backup is being read from is busy; cinder-backup puts it back when it is done, or when it starts again. */
async function untilIdle(deps: CinderDeps, id: string): Promise<void> {
  await waitFor(
    async () => {
      const all = await deps.cloud.volume.snapshots.list();
      return all.some((s) => s.group_snapshot_id === id && s.status === 'backing-up') ? undefined : true;
    },
    { ...deps, pollMs: 1_000, timeoutMs: 600_000, onTimeout: () => stuck(deps.site, `group snapshot ${id}`, 'busy for 600 s') },
  );
}

async function drop(deps: CinderDeps, id: string): Promise<void> {
  const { groupSnapshots } = deps.cloud.volume;
  let status = '';
  let since = performance.now();
  let resets = 0;
  await waitFor(
    async () => {
      try {
        const now = await groupSnapshots.get(id);
        if (now.status !== status) [status, since] = [now.status, performance.now()];
        if (status === 'error_deleting') throw stuck(deps.site, `group snapshot ${id}`, status);
        if (status === 'available' || status === 'error') await groupSnapshots.delete(id);
        else if (performance.now() - since > patienceMs && resets < 3) {
          await reset(deps, id);
          resets++;
        }
        return undefined;
      } catch (error) {
        if (isNotFound(error)) return true;
        throw error;
      }
    },
    { ...deps, pollMs: 500, timeoutMs: 420_000, onTimeout: () => stuck(deps.site, `group snapshot ${id}`, `${status} for 420 s`) },
  );
}

/** Takes a forgotten group snapshot, and the snapshots in it, out of their passing state, so that Cinder lets them be deleted. */
async function reset(deps: CinderDeps, id: string): Promise<void> {
  const { groupSnapshots, snapshots } = deps.cloud.volume;
  const inside = (await snapshots.list()).filter((s) => s.group_snapshot_id === id && s.status !== 'available');
  for (const snapshot of inside) await snapshots.resetStatus(snapshot.id, 'error');
  await groupSnapshots.resetStatus(id, 'error');
}
