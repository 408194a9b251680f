import type { Site } from '../core/site.ts';
import { copyOf } from '../storage/sparse.ts';
import { dropBackup, putBackup } from '../storage/backup-store.ts';
import { release } from './quota.ts';
import { later } from './common.ts';
import { cephDriver, type Backup, type CinderState, type Service, type Snapshot, type Volume } from './state.ts';
import { storeFor } from './stores.ts';
import { timing } from './timing.ts';

/** What cinder-backup does of a new backup. With its process dead nothing happens, for ever: seen on the real one. */
export function runBackup(site: Site, state: CinderState, backup: Backup, volume: Volume, snapshot: Snapshot | undefined, service: Service): void {
  backup.host = service.host;
  if (service.deadSince !== undefined) return;
  backup.zone ??= service.zone;
  backup.service = service.driver ?? null;
  backup.container = `${backup.id.slice(0, 2)}/${backup.id.slice(2, 4)}/${backup.id}`;
  backup.serviceMetadata = `volume_${volume.id}_${compact(site.now())}_backup_${backup.id}`;
  site.parts.guests?.flush(volume.id);
  // Of a volume in use Cinder takes a snapshot of its own first: the data is that of the beginning.
  const data = copyOf(snapshot?.data ?? volume.data);
  const parent = backup.parentId === null ? undefined : state.backups.get(backup.parentId);
  const { base, perGib } = parent ? timing.increment : timing.backup;
  later(site, 'backup', base + perGib * volume.size, (fault) => {
    if (service.deadSince !== undefined || backup.status !== 'creating') return;
    const failed = fault ?? store();
    if (snapshot) snapshot.status = 'available';
    else volume.status = volume.previousStatus;
    backup.updatedAt = site.now();
    backup.status = failed === undefined ? 'available' : 'error';
    backup.failReason = failed ?? null;
    if (failed === undefined && parent) parent.dependents += 1;
  });

  function store(): string | undefined {
    if (backup.service === cephDriver && snapshot) return cephAndSnapshots(state, backup, volume);
    if (site.storageFull) return '[Errno 28] No space left on device';
    try {
      const { name, description, metadata, imageMetadata } = volume;
      const stored = putBackup(storeFor(site, service), backup.container ?? '', parent?.container ?? undefined, data, { name, description, metadata: { ...metadata }, imageMetadata: imageMetadata && { ...imageMetadata } });
      backup.objectCount = stored.objectCount;
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }
}

/** The Ceph driver's first backup from a snapshot has a fixed name; every later one fails. */
function cephAndSnapshots(state: CinderState, backup: Backup, volume: Volume): string | undefined {
  const earlier = [...state.backups.values()].some((b) => b !== backup && b.volumeId === volume.id && b.status === 'available');
  return earlier ? `rbd export-diff failed: image volume-${volume.id} has no such snapshot` : undefined;
}

export function runDelete(site: Site, state: CinderState, backup: Backup, service: Service): void {
  if (service.deadSince !== undefined) return;
  later(site, 'backup-delete', timing.deleteBackup, (failed) => {
    if (service.deadSince !== undefined || backup.status !== 'deleting') return;
    if (failed !== undefined) {
      backup.status = 'error';
      backup.failReason = failed;
      return;
    }
    if (backup.container !== null) dropBackup(storeFor(site, service), backup.container);
    forget(site, state, backup);
  });
}

/** The row stays, marked: an import of the same backup revives it. */
function forget(site: Site, state: CinderState, backup: Backup): void {
  backup.status = 'deleted';
  backup.deleted = true;
  backup.updatedAt = site.now();
  release(state, backup.projectId, { backups: 1, backup_gigabytes: backup.size ?? 0 });
  const parent = backup.parentId === null ? undefined : state.backups.get(backup.parentId);
  if (parent && parent.dependents > 0) parent.dependents -= 1;
}

/** 20261122100619 */
const compact = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '');
