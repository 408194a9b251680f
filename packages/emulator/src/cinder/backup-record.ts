import { badRequest } from '../errors.ts';
import type { Json } from '../http/service.ts';
import type { Backup } from './state.ts';

const iso = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z'));

/** What export_record gives: Cinder's Backup object as JSON, in base64. */
export function encodeRecord(b: Backup): string {
  const record = {
    driver_info: {}, id: b.id, user_id: b.userId, project_id: b.projectId, volume_id: b.volumeId, host: b.host, availability_zone: b.zone, container: b.container,
    parent_id: b.parentId, status: b.status, fail_reason: b.failReason, size: b.size, display_name: b.name, display_description: b.description,
    service_metadata: b.serviceMetadata, service: b.service, object_count: b.objectCount, temp_volume_id: null, temp_snapshot_id: null, num_dependent_backups: b.dependents,
    snapshot_id: b.snapshotId, data_timestamp: iso(b.dataTimestamp), restore_volume_id: b.restoreVolumeId, metadata: b.metadata, encryption_key_id: null,
    created_at: iso(b.createdAt), updated_at: iso(b.updatedAt), deleted_at: null, deleted: false,
  };
  return Buffer.from(JSON.stringify(record)).toString('base64');
}

export interface BackupRecord extends Json {
  readonly id: string;
  readonly size: number;
}

/** @throws ApiError 400 in Cinder's words */
export function decodeRecord(url: string): BackupRecord {
  const invalid = (why: string) => badRequest(`Invalid input received: ${why}`);
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(url)) throw invalid("Can't decode backup record.");
  let record: unknown;
  try {
    record = JSON.parse(Buffer.from(url, 'base64').toString('utf8'));
  } catch {
    throw invalid("Can't parse backup record.");
  }
  if (typeof record !== 'object' || record === null || !('id' in record)) throw invalid('Provided backup record is missing an id');
  if (!('size' in record)) throw invalid('Provided backup record is missing size attribute');
  return record as BackupRecord;
}

/** What an import takes from a record; names, owner and state are its own. The original's volume id comes along, as on the real one. */
export function applyRecord(b: Backup, r: BackupRecord): void {
  const str = (key: string): string | null => (typeof r[key] === 'string' ? r[key] : null);
  Object.assign(b, {
    volumeId: str('volume_id') ?? b.volumeId,
    container: str('container'), parentId: str('parent_id'), size: r.size, name: str('display_name'), description: str('display_description'),
    serviceMetadata: str('service_metadata'), objectCount: typeof r['object_count'] === 'number' ? r['object_count'] : null, snapshotId: str('snapshot_id'),
    dependents: typeof r['num_dependent_backups'] === 'number' ? r['num_dependent_backups'] : 0,
    dataTimestamp: Date.parse(str('data_timestamp') ?? '') || b.createdAt,
    metadata: (r['metadata'] as Record<string, string> | null) ?? {},
  });
}
