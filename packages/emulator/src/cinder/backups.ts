import { badRequest } from '../errors.ts';
import { accepted, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { chooseBackupService, scheduleBackup } from './backup-service.ts';
import { exportRecord, importRecord } from './backup-transfer.ts';
import { detail, findBackup, invalidBackup, live, summary } from './backup-view.ts';
import { runBackup, runDelete } from './backup-work.ts';
import { bodyObject, find, flag, later, noAction, ownProject, requiredText, stringMap, text, type CinderCall } from './common.ts';
import { hasMetadata, list } from './list.ts';
import { charge } from './quota.ts';
import { startRestore } from './restore.ts';
import type { Backup, CinderState } from './state.ts';
import { createVolume } from './volume-create.ts';

function listBackups(call: CinderCall, view: (call: CinderCall, b: Backup) => Json): Answer {
  return list(call, {
    key: 'backups', what: 'Backup', items: live(call.state), view: (b) => view(call, b), projectOf: (b) => b.projectId, createdAt: (b) => b.createdAt,
    filters: {
      name: (b, v) => b.name === v, status: (b, v) => b.status === v, volume_id: (b, v) => b.volumeId === v, parent_id: (b, v) => b.parentId === v, snapshot_id: (b, v) => b.snapshotId === v,
      'name~': (b, v) => b.name?.includes(v) === true, metadata: (b, v) => hasMetadata(b.metadata, v),
    },
  });
}

function create(call: CinderCall): Answer {
  const { state, site, token } = call;
  const body = bodyObject(call, 'backup');
  const volume = find(call, state.volumes, requiredText(body, 'volume_id'), 'Volume');
  const snapshotId = text(body, 'snapshot_id');
  const snapshot = snapshotId === undefined ? undefined : find(call, state.snapshots, snapshotId, 'Snapshot');
  if (snapshot && snapshot.volumeId !== volume.id) throw badRequest(`Invalid volume: Volume ${volume.id} does not match with snapshot.volume_id ${snapshot.volumeId}.`);
  if (snapshot && snapshot.status !== 'available') throw badRequest(`Invalid snapshot: Snapshot to be backed up must be available, but the current status is "${snapshot.status}".`);
  if (!snapshot && !['available', 'in-use'].includes(volume.status)) throw badRequest(`Invalid volume: Volume to be backed up must be available or in-use, but the current status is "${volume.status}".`);
  if (!snapshot && volume.status === 'in-use' && !flag(body, 'force')) throw badRequest('Invalid volume: Backing up an in-use volume must use the force flag.');
  const project = ownProject(call);
  const parent = flag(body, 'incremental') ? parentFor(state, project, volume.id, snapshot?.createdAt) : undefined;
  charge(state, project, 'backups', { backups: 1, backup_gigabytes: volume.size }, volume.size);
  const now = site.now();
  const zone = call.micro >= 51 ? (text(body, 'availability_zone') ?? null) : null;
  const backup: Backup = {
    id: site.random.uuid(), projectId: project, userId: token.userId, createdAt: now, updatedAt: undefined, name: text(body, 'name') ?? null, description: text(body, 'description') ?? null,
    status: 'creating', volumeId: volume.id, snapshotId: snapshot?.id ?? null, size: volume.size, container: text(body, 'container') ?? null, service: null, serviceMetadata: null, objectCount: 0, failReason: null,
    zone, host: parent?.service?.includes('posix') === true ? parent.host : null, parentId: parent?.id ?? null, dependents: 0, dataTimestamp: snapshot?.createdAt ?? now,
    metadata: call.micro >= 43 ? stringMap(body, 'metadata') : {}, restoreVolumeId: null, deleted: false,
  };
  state.backups.set(backup.id, backup);
  if (snapshot) snapshot.status = 'backing-up';
  else [volume.previousStatus, volume.status] = [volume.status, 'backing-up'];
  const service = scheduleBackup(site, state, zone, backup.host);
  if (service) runBackup(site, state, backup, volume, snapshot, service);
  else {
    // The scheduler knows of no cinder-backup that is up.
    later(site, 'backup-schedule', 100, () => {
      backup.status = 'error';
      backup.failReason = 'Service not found for creating backup.';
      if (snapshot) snapshot.status = 'available';
      else volume.status = volume.previousStatus;
    });
  }
  return accepted({ backup: summary(call, backup) });
}

/**
 * The parent of an increment: by the volume, the latest data before the snapshot's; with none that fits, whichever was made last, as
 * Cinder's max() over equal keys has it. @throws ApiError 400
 */
function parentFor(state: CinderState, project: string, volumeId: string, before: number | undefined): Backup {
  const mine = live(state).filter((b) => b.volumeId === volumeId && b.projectId === project).reverse();
  const key = (b: Backup): number => (b.status === 'available' && (before === undefined || b.dataTimestamp < before) ? b.dataTimestamp : 0);
  const latest = mine.reduce<Backup | undefined>((best, b) => (best === undefined || key(b) > key(best) ? b : best), undefined);
  if (latest?.status !== 'available') throw invalidBackup('No backups available to do an incremental backup.');
  return latest;
}

function remove(call: CinderCall, backup: Backup, force: boolean): Answer {
  const { state, site } = call;
  if (!force && !['available', 'error'].includes(backup.status)) throw invalidBackup('Backup status must be available or error');
  if (live(state).some((b) => b.parentId === backup.id && (call.token.admin || b.projectId === call.token.projectId))) throw invalidBackup('Incremental backups exist for this backup.');
  const service = chooseBackupService(site, state, backup.zone, backup.host);
  backup.status = 'deleting';
  backup.host = service.host;
  runDelete(site, state, backup, service);
  return { status: 202 };
}

function restore(call: CinderCall): Answer | Promise<Answer> {
  const { state, site } = call;
  const backup = findBackup(call, call.params['id'] ?? '');
  const body = bodyObject(call, 'restore');
  if (backup.status !== 'available') throw invalidBackup('Backup status must be available');
  const volumeId = text(body, 'volume_id');
  if (volumeId === undefined) {
    // Cinder's API itself waits for the new volume.
    return new Promise((resolve, reject) => {
      try {
        createVolume(site, state, { projectId: ownProject(call), userId: call.token.userId, name: text(body, 'name') ?? `restore_backup_${backup.id}`, description: 'auto-created_from_restore_from_backup', size: backup.size ?? undefined, type: [...state.types.values()].find((t) => t.name === '__DEFAULT__') }, (made) => {
          try {
            resolve(into(made.id));
          } catch (error) {
            reject(error as Error);
          }
        });
      } catch (error) {
        reject(error as Error);
      }
    });
  }
  return into(volumeId);

  function into(id: string): Answer {
    const volume = find(call, state.volumes, id, 'Volume');
    if (volume.status !== 'available') throw badRequest('Invalid volume: Volume to be restored to must be available');
    if ((backup.size ?? 0) > volume.size) throw badRequest(`Invalid volume: volume size ${String(volume.size)} is too small to restore backup of size ${String(backup.size)}.`);
    const service = chooseBackupService(site, state, backup.zone, backup.host);
    backup.status = 'restoring';
    backup.host = service.host;
    volume.status = 'restoring-backup';
    startRestore(site, state, backup, volume, () => undefined);
    return accepted({ restore: { backup_id: backup.id, volume_id: volume.id, volume_name: volume.name } });
  }
}

function action(call: CinderCall): Answer {
  const backup = findBackup(call, call.params['id'] ?? '');
  if ('os-reset_status' in call.body) {
    const status = requiredText(bodyObject(call, 'os-reset_status'), 'status');
    if (!['available', 'error'].includes(status)) throw badRequest(`Invalid input for field/attribute status. Value: ${status}. '${status}' is not one of ['available', 'error']`);
    const service = chooseBackupService(call.site, call.state, backup.zone, backup.host);
    backup.host = service.host;
    if (service.deadSince === undefined) call.site.work(50, () => (backup.status = status));
    return { status: 202 };
  }
  if ('os-force_delete' in call.body) return remove(call, backup, true);
  throw noAction(Object.keys(call.body)[0] ?? '');
}

function update(call: CinderCall): Answer {
  const backup = findBackup(call, call.params['id'] ?? '');
  const body = bodyObject(call, 'backup');
  if ('name' in body) backup.name = text(body, 'name') ?? null;
  if ('description' in body) backup.description = text(body, 'description') ?? null;
  if (call.micro >= 43 && 'metadata' in body) backup.metadata = stringMap(body, 'metadata');
  backup.updatedAt = call.site.now();
  return ok({ backup: summary(call, backup) });
}

export const backupRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/backups', handler: (call) => listBackups(call, summary) },
  { method: 'GET', path: '/backups/detail', handler: (call) => listBackups(call, detail) },
  { method: 'POST', path: '/backups', rule: 'backup:create', handler: create },
  { method: 'POST', path: '/backups/import_record', policy: 'admin', rule: 'backup:backup-import', handler: importRecord },
  { method: 'GET', path: '/backups/:id', rule: 'backup:get', handler: (call) => ok({ backup: detail(call, findBackup(call, call.params['id'] ?? '')) }) },
  { method: 'PUT', path: '/backups/:id', since: 9, rule: 'backup:update', handler: update },
  { method: 'DELETE', path: '/backups/:id', rule: 'backup:delete', handler: (call) => remove(call, findBackup(call, call.params['id'] ?? ''), false) },
  { method: 'GET', path: '/backups/:id/export_record', policy: 'admin', rule: 'backup:export-import', handler: exportRecord },
  { method: 'POST', path: '/backups/:id/restore', rule: 'backup:restore', handler: restore },
  { method: 'POST', path: '/backups/:id/action', policy: 'admin', rule: 'volume_extension:backup_admin_actions', handler: action },
];
