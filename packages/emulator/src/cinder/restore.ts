import type { Site } from '../core/site.ts';
import { copyOf } from '../storage/sparse.ts';
import { metaOf, readChain } from '../storage/backup-store.ts';
import { later } from './common.ts';
import { scheduleBackup } from './backup-service.ts';
import { GIB, type Backup, type CinderState, type Volume } from './state.ts';
import { storeFor } from './stores.ts';
import { timing } from './timing.ts';

/**
 * Fills a volume from a backup: one that is `creating` (made from it) or `restoring-backup`. An increment whose ancestors Cinder does not
 * know, or whose data is not on the target, fails only now.
 */
export function startRestore(site: Site, state: CinderState, backup: Backup, volume: Volume, done: () => void): void {
  const isNew = volume.status === 'creating';
  const fail = (): void => end(isNew ? 'error' : 'error_restoring');
  const end = (status: string): void => {
    if (volume.status !== (isNew ? 'creating' : 'restoring-backup')) return;
    volume.status = status;
    volume.updatedAt = site.now();
    backup.status = 'available';
    done();
  };
  const service = scheduleBackup(site, state, backup.zone, backup.host);
  if (!service) {
    later(site, 'restore', timing.createVolume, fail);
    return;
  }
  backup.host = service.host;
  // Cinder makes the raw volume first.
  site.work(isNew ? timing.createVolume : 0, () => {
    if (volume.status === 'deleting') return;
    backup.status = 'restoring';
    backup.restoreVolumeId = volume.id;
    if (service.deadSince !== undefined) return;
    const chain = chainOf(state, backup);
    later(site, 'restore', timing.restore.base + timing.restore.perGib * volume.size + timing.restoreIncrement * ((chain?.length ?? 1) - 1), (failed) => {
      if (service.deadSince !== undefined || backup.status !== 'restoring') return;
      if (failed !== undefined || !chain || service.driver !== backup.service || site.storageFull) return fail();
      try {
        fill(site, backup, volume, chain, storeFor(site, service));
      } catch {
        return fail();
      }
      end('available');
    });
  });
}

/** From the full backup on; undefined when an ancestor is not known here. */
export function chainOf(state: CinderState, backup: Backup): Backup[] | undefined {
  const chain = [backup];
  for (let parent = backup.parentId; parent !== null; ) {
    const found = state.backups.get(parent);
    if (!found || found.deleted || chain.includes(found)) return undefined;
    chain.unshift(found);
    parent = found.parentId;
  }
  return chain;
}

/** Data, and then what the driver kept of the volume: its metadata replaces whatever the new volume was given. */
function fill(site: Site, backup: Backup, volume: Volume, chain: readonly Backup[], store: ReturnType<typeof storeFor>): void {
  const containers = chain.map((b) => b.container ?? '');
  volume.data = copyOf(readChain(store, containers), volume.size * GIB);
  for (const container of containers) {
    const meta = metaOf(store, container);
    if (Object.keys(meta.metadata).length > 0) volume.metadata = { ...meta.metadata };
    if (meta.imageMetadata && Object.keys(meta.imageMetadata).length > 0) {
      volume.imageMetadata = { ...meta.imageMetadata };
      volume.bootable = true;
    }
    if (meta.name !== null && (volume.name === null || volume.name === '' || volume.name.startsWith('restore_backup_'))) {
      volume.name = meta.name;
      volume.description = meta.description;
    }
  }
  if (backup.volumeId !== volume.id) volume.metadata = { ...volume.metadata, src_backup_id: backup.id };
}
