import { ApiError, badRequest } from '../errors.ts';
import type { Json } from '../http/service.ts';
import { find, links, stamp, type CinderCall } from './common.ts';
import type { Backup, CinderState } from './state.ts';

export const invalidBackup = (reason: string): ApiError => badRequest(`Invalid backup: ${reason}`);

export const live = (state: CinderState): Backup[] => [...state.backups.values()].filter((b) => !b.deleted);

/** @throws ApiError 404 */
export function findBackup(call: CinderCall, id: string): Backup {
  const backup = find(call, call.state.backups, id, 'Backup');
  if (backup.deleted) throw new ApiError(404, `Backup ${id} could not be found.`);
  return backup;
}

export const summary = (call: CinderCall, b: Backup): Json => ({ id: b.id, name: b.name, links: links(call, 'backups', b.id) });

export function detail(call: CinderCall, b: Backup): Json {
  return {
    id: b.id, status: b.status, size: b.size, object_count: b.objectCount, availability_zone: b.zone, container: b.container, created_at: stamp(b.createdAt), updated_at: stamp(b.updatedAt),
    name: b.name, description: b.description, fail_reason: b.failReason, volume_id: b.volumeId, links: links(call, 'backups', b.id), is_incremental: b.parentId !== null,
    has_dependent_backups: b.dependents > 0, snapshot_id: b.snapshotId, data_timestamp: stamp(b.dataTimestamp),
    ...(call.micro >= 43 ? { metadata: b.metadata } : {}),
    ...(call.micro >= 18 && call.token.admin ? { 'os-backup-project-attr:project_id': b.projectId } : {}),
    ...(call.micro >= 56 && call.token.admin ? { user_id: b.userId } : {}),
  };
}
