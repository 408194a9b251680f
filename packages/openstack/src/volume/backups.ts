import { envelope } from '../envelope.ts';
import * as z from 'zod';
import { maybe, stringMap } from '../fields.ts';
import { iterate, listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { WANT, wish } from './version.ts';

export const backupSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  status: z.string(),
  /** GiB of the volume. */
  size: z.number().nullish(),
  /** Of an imported backup, too, that of the volume at the site where it was made. */
  volume_id: z.string().nullish(),
  snapshot_id: z.string().nullish(),
  container: z.string().nullish(),
  is_incremental: maybe(z.boolean()),
  has_dependent_backups: maybe(z.boolean()),
  object_count: z.number().nullish(),
  fail_reason: z.string().nullish(),
  availability_zone: z.string().nullish(),
  metadata: stringMap().nullish(),
  /** Time of the data: of the snapshot, or of the backup's own creation. */
  data_timestamp: z.string().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
  'os-backup-project-attr:project_id': z.string().nullish(),
});
export type Backup = z.infer<typeof backupSchema>;

export interface BackupCreate {
  readonly volume_id: string;
  /** Back up this snapshot of the volume instead of its present content. */
  readonly snapshot_id?: string;
  readonly incremental?: boolean;
  /** Of a volume in use; not needed with a snapshot. */
  readonly force?: boolean;
  readonly name?: string;
  readonly description?: string;
  readonly container?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Which cinder-backup does it (3.51). */
  readonly availability_zone?: string;
}

/** What one site's Cinder writes and another's reads. `backup_url` is base64 of a JSON object with id, parent_id, service, … */
export const exportRecordSchema = z.looseObject({ backup_service: z.string(), backup_url: z.string() });
export type BackupExport = z.infer<typeof exportRecordSchema>;

const restoreSchema = z.looseObject({ restore: z.looseObject({ backup_id: z.string(), volume_id: z.string(), volume_name: z.string().nullish() }) });
const born = z.looseObject({ backup: z.looseObject({ id: z.string(), name: z.string().nullish() }) });

export function createBackups(service: Service) {
  const listRequest = (query: Query) => ({ path: '/backups/detail', key: 'backups', item: backupSchema, query, version: WANT });
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<Backup[]> => listAll(service, listRequest(query), options),
    iterate: (query: Query = {}, options?: CallOptions): AsyncGenerator<Backup> => iterate(service, listRequest(query), options),
    get: async (id: string, options?: CallOptions): Promise<Backup> =>
      (await service.json({ method: 'GET', path: `/backups/${seg(id)}`, version: WANT }, envelope('backup', backupSchema), options)).backup,
    /** Accepted, not made: `creating` until `available` or `error`, and for ever when cinder-backup is dead (see services). */
    create: async (body: BackupCreate, options?: CallOptions): Promise<{ id: string; name?: string | null | undefined }> => {
      const version = body.availability_zone !== undefined ? wish('3.51', 'a backup in an availability zone') : body.metadata !== undefined ? wish('3.43', 'metadata of a backup') : WANT;
      return (await service.json({ method: 'POST', path: '/backups', body: { backup: body }, version }, born, options)).backup;
    },
    /** `force` (administrators) for one that hangs; refused by Cinder while increments depend on it. */
    delete: async (id: string, { force = false, ...options }: CallOptions & { force?: boolean } = {}): Promise<void> => {
      if (force) await service.send({ method: 'POST', path: `/backups/${seg(id)}/action`, body: { 'os-force_delete': {} }, version: WANT }, options);
      else await service.send({ method: 'DELETE', path: `/backups/${seg(id)}`, version: WANT }, options);
    },
    /** Into a given volume, or a new one of the default type. Accepted, not done: the backup is `restoring`, the volume `restoring-backup`. */
    restore: async (id: string, target: { readonly volume_id?: string; readonly name?: string } = {}, options?: CallOptions): Promise<{ backup_id: string; volume_id: string }> =>
      (await service.json({ method: 'POST', path: `/backups/${seg(id)}/restore`, body: { restore: target }, version: WANT }, restoreSchema, options)).restore,
    exportRecord: async (id: string, options?: CallOptions): Promise<BackupExport> =>
      (await service.json({ method: 'GET', path: `/backups/${seg(id)}/export_record`, version: WANT }, envelope('backup-record', exportRecordSchema), options))['backup-record'],
    /** The backup keeps its id. Cinder takes an increment without its parents: the caller must import those. A second import is refused (400). */
    importRecord: async (record: BackupExport, options?: CallOptions): Promise<{ id: string; name?: string | null | undefined }> =>
      (await service.json({ method: 'POST', path: '/backups/import_record', body: { 'backup-record': { backup_service: record.backup_service, backup_url: record.backup_url } }, version: WANT }, born, options)).backup,
    update: async (id: string, body: { readonly name?: string; readonly description?: string; readonly metadata?: Readonly<Record<string, string>> }, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'PUT', path: `/backups/${seg(id)}`, body: { backup: body }, version: body.metadata ? wish('3.43', 'metadata of a backup') : wish('3.9', 'a change of a backup') }, options);
    },
    /** Administrators: goes to the backup's own cinder-backup. */
    resetStatus: async (id: string, status: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/backups/${seg(id)}/action`, body: { 'os-reset_status': { status } }, version: WANT }, options);
    },
  };
}
