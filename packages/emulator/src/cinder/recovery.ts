import type { Site } from '../core/site.ts';
import { runDelete as runBackupDelete } from './backup-work.ts';
import { runGroupDelete } from './groups.ts';
import { runGroupSnapshotDelete } from './group-snapshots.ts';
import { runSnapshotDelete } from './snapshots.ts';
import type { CinderState } from './state.ts';
import { runDelete } from './volumes.ts';

/** cinder-volume starts: what its death left half done is an error, what was being deleted is deleted. Snapshots stay as they were. */
export function volumeServiceStarts(site: Site, state: CinderState): void {
  for (const v of state.volumes.values()) {
    if (v.status === 'creating' || v.status === 'downloading') v.status = 'error';
    else if (v.status === 'deleting') runDelete(site, state, v);
  }
}

/** cinder-backup starts: as its _cleanup_incomplete_backup_operations. */
export function backupServiceStarts(site: Site, state: CinderState, host: string): void {
  const service = state.services.find((s) => s.binary === 'cinder-backup' && s.host === host);
  for (const b of state.backups.values()) {
    if (b.deleted || b.host !== host) continue;
    const snapshot = b.snapshotId === null ? undefined : state.snapshots.get(b.snapshotId);
    const volume = state.volumes.get(b.volumeId);
    if (b.status === 'creating') {
      if (volume?.status === 'backing-up') volume.status = volume.previousStatus;
      if (snapshot?.status === 'backing-up') snapshot.status = 'available';
      b.status = 'error';
      b.failReason = 'incomplete backup reset on manager restart';
    } else if (b.status === 'restoring') {
      const target = state.volumes.get(b.restoreVolumeId ?? '');
      if (target?.status === 'restoring-backup') target.status = 'error_restoring';
      b.status = 'available';
    } else if (b.status === 'deleting' && service) runBackupDelete(site, state, b, service);
  }
}

/** The whole site's power comes back. Orders that were with the daemons are gone; a group or group snapshot under way hangs for ever. */
export function siteStarts(site: Site, state: CinderState): void {
  volumeServiceStarts(site, state);
  for (const s of state.services) if (s.binary === 'cinder-backup') backupServiceStarts(site, state, s.host);
}

/**
 * A daemon dies or comes back. What it has under way is not finished; what it is asked meanwhile waits in its queue: that is done when
 * it is there again, as far as it is a deletion (a lost order to make something stays lost).
 */
export function setService(site: Site, state: CinderState, binary: string, up: boolean): void {
  for (const s of state.services) {
    if (s.binary !== binary) continue;
    const was = s.deadSince;
    s.deadSince = up ? undefined : (was ?? site.now());
    if (!up || was === undefined) continue;
    if (binary === 'cinder-backup') backupServiceStarts(site, state, s.host);
    if (binary === 'cinder-volume') {
      volumeServiceStarts(site, state);
      for (const x of state.snapshots.values()) if (x.status === 'deleting' && x.groupSnapshotId === null) runSnapshotDelete(site, state, x);
      for (const x of state.groupSnapshots.values()) if (x.status === 'deleting') runGroupSnapshotDelete(site, state, x);
      for (const x of state.groups.values()) if (x.status === 'deleting') runGroupDelete(site, state, x);
    }
  }
}
