import { ApiError } from '../errors.ts';
import { created, ok, type Answer } from '../http/service.ts';
import { chooseBackupService, isUp, serviceNotFound } from './backup-service.ts';
import { applyRecord, decodeRecord, encodeRecord } from './backup-record.ts';
import { findBackup, invalidBackup, summary } from './backup-view.ts';
import { bodyObject, later, ownProject, requiredText, type CinderCall } from './common.ts';
import { charge } from './quota.ts';
import type { Backup } from './state.ts';
import { timing } from './timing.ts';

/** Until cinder-backup has read the record. */
const noVolume = '00000000-0000-0000-0000-000000000000';

export function exportRecord(call: CinderCall): Promise<Answer> {
  const { site, state } = call;
  const backup = findBackup(call, call.params['id'] ?? '');
  if (backup.status !== 'available') throw invalidBackup(`Backup status must be available and not ${backup.status}.`);
  const service = chooseBackupService(site, state, backup.zone, backup.host);
  return new Promise((resolve, reject) => {
    const answer = (): void => {
      if (service.deadSince !== undefined) reject(new ApiError(500, 'The server has either erred or is incapable of performing the requested operation.'));
      else resolve(ok({ 'backup-record': { backup_service: backup.service, backup_url: encodeRecord(backup) } }));
    };
    // A dead one's call times out in the API.
    site.work(service.deadSince === undefined ? timing.exportRecord : 60_000, answer);
  });
}

export function importRecord(call: CinderCall): Answer {
  const { state, site, token } = call;
  const body = bodyObject(call, 'backup-record');
  const driver = requiredText(body, 'backup_service');
  const url = requiredText(body, 'backup_url');
  const services = state.services.filter((s) => s.binary === 'cinder-backup' && !s.disabled && isUp(site, s));
  if (services.length === 0) throw serviceNotFound(driver);
  const record = decodeRecord(url);
  const known = state.backups.get(record.id);
  if (known && !known.deleted) throw invalidBackup('Backup already exists in database.');
  const project = ownProject(call);
  charge(state, project, 'backups', { backups: 1, backup_gigabytes: record.size }, record.size);
  const backup: Backup = {
    id: record.id, projectId: project, userId: token.userId, createdAt: known?.createdAt ?? site.now(), updatedAt: undefined, name: null, description: null, status: 'creating', volumeId: noVolume, snapshotId: null, size: 0,
    container: null, service: null, serviceMetadata: null, objectCount: 0, failReason: null, zone: null, host: null, parentId: null, dependents: 0, dataTimestamp: site.now(), metadata: {}, restoreVolumeId: null, deleted: false,
  };
  state.backups.set(backup.id, backup);
  const service = services.find((s) => s.driver?.startsWith(driver));
  if (services.some((s) => s.deadSince === undefined)) {
    later(site, 'backup-import', timing.importRecord, (failed) => {
      if (backup.status !== 'creating') return;
      backup.updatedAt = site.now();
      if (failed !== undefined || !service) {
        backup.status = 'error';
        backup.failReason = failed ?? `Import record failed, cannot find backup service to perform the import. Request service ${driver}.`;
        return;
      }
      applyRecord(backup, record);
      Object.assign(backup, { service: service.driver, zone: service.zone, host: service.host, status: 'available' });
    });
  }
  return created({ backup: summary(call, backup) });
}
