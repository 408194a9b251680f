import { orUndefined, type Backup } from '@godwit/openstack';
import { GodwitError } from '@godwit/sites';
import { names } from '../names.ts';
import { backupServiceDown, backupServiceWatch } from './backup-service.ts';
import type { CinderDeps } from './group.ts';
import { stuck } from './group.ts';
import { waitFor } from './wait.ts';
import { isNotFound } from '../not-found.ts';

export interface BackupWish {
  readonly pointId: string;
  readonly volumeId: string;
  readonly snapshotId: string;
  readonly incremental: boolean;
  /** Which cinder-backup does it; left out: Cinder chooses. */
  readonly zone?: string | undefined;
}

/**
 * Backs up a volume from its snapshot; run twice, it finds the backup that it made. One that ended in error (a cinder-backup that
 * died resets it when it comes back) is deleted and made anew by the next try.
 */
export async function ensureBackup(deps: CinderDeps, wish: BackupWish, onStatus: (status: string) => void): Promise<Backup> {
  const { backups } = deps.cloud.volume;
  const name = names.backup(wish.pointId, wish.volumeId);
  let backup = (await backups.list({ name })).find((b) => b.name === name && b.status !== 'deleting');
  if (backup?.status.startsWith('error')) {
    await deleteBackup(deps, backup.id);
    backup = undefined;
  }
  const id = (backup ?? (await backups.create({ volume_id: wish.volumeId, snapshot_id: wish.snapshotId, incremental: wish.incremental, name, description: 'Godwit recovery point', force: true, ...(wish.zone === undefined ? {} : { availability_zone: wish.zone }) }))).id;
  const watch = backupServiceWatch(deps.site, deps.cloud, 'waiting');
  return waitFor(
    async () => {
      const now = await backups.get(id);
      onStatus(now.status);
      if (now.status === 'available') return now;
      if (now.status.startsWith('error')) {
        throw new GodwitError('GW_BACKUP_FAILED', 'retryable', `${deps.site}: backup ${id} of volume ${wish.volumeId} failed: ${now.fail_reason ?? now.status}`, {
          site: deps.site,
          resource: `backup ${id}`,
          action: 'It is tried again from the same snapshot; if it goes on failing, look at cinder-backup’s log.',
        });
      }
      await watch(wish.zone);
      return undefined;
    },
    { ...deps, pollMs: 1_000, timeoutMs: 24 * 3_600_000, onTimeout: () => stuck(deps.site, `backup ${id}`, 'not finished after 24 h') },
  );
}

/**
 * Deletes a backup and waits until it is gone; one that is not there is success. Cinder deletes only those that are idle: one that is
 * still made or restored is waited for.
 */
export async function deleteBackup(deps: CinderDeps, id: string): Promise<void> {
  let asked = false;
  const watch = backupServiceWatch(deps.site, deps.cloud, 'retryable');
  await waitFor(
    async () => {
      const now = await orUndefined(deps.cloud.volume.backups.get(id));
      if (now === undefined) return true;
      if (!asked && (now.status === 'available' || now.status.startsWith('error'))) {
        await askToDelete(deps, id);
        asked = true;
      } else if (now.status.startsWith('error')) throw stuck(deps.site, `backup ${id}`, `${now.status}: ${now.fail_reason ?? ''}`);
      await watch(now.availability_zone);
      return undefined;
    },
    { ...deps, pollMs: 1_000, timeoutMs: 600_000, onTimeout: () => stuck(deps.site, `backup ${id}`, 'not deleted after 600 s') },
  );
}

/** Cinder's 404 to a delete says as well that no cinder-backup is up, while the backup is still there. */
async function askToDelete(deps: CinderDeps, id: string): Promise<void> {
  try {
    await deps.cloud.volume.backups.delete(id);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (await orUndefined(deps.cloud.volume.backups.get(id))) throw backupServiceDown(deps.site, 'retryable', undefined, error);
  }
}
