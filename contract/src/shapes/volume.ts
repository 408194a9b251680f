import * as z from 'zod';
import { empty, hex, is, links, map, nothing, text, timeMicro, uuid } from './base.ts';

const attachment = z.strictObject({ id: uuid, attachment_id: uuid, volume_id: uuid, server_id: uuid, host_name: text, device: text, attached_at: timeMicro });

/** All that a volume shows to everyone who may see it. */
const common = {
  id: uuid,
  status: is('creating', 'downloading', 'available', 'reserved', 'attaching', 'in-use', 'detaching', 'backing-up', 'restoring-backup', 'deleting', 'error', 'error_restoring', 'error_deleting', 'error_backing-up'),
  size: z.int(),
  availability_zone: text,
  created_at: timeMicro,
  updated_at: timeMicro.nullable(),
  name: text.nullable(),
  description: text.nullable(),
  volume_type: text,
  snapshot_id: uuid.nullable(),
  source_volid: uuid.nullable(),
  metadata: map,
  links,
  user_id: hex,
  bootable: is('true', 'false'),
  encrypted: z.boolean(),
  replication_status: z.null(),
  consistencygroup_id: z.null(),
  multiattach: z.boolean(),
  attachments: z.array(attachment),
  group_id: uuid.nullable(),
  shared_targets: z.boolean(),
  volume_type_id: uuid,
  consumes_quota: z.boolean(),
};
/** What an image brought to a volume; absent when there is nothing. */
const imageMetadata = { volume_image_metadata: map.optional() };

/** The answer to a creation and to an update: without what the list and the show add. */
export const bornVolume = z.strictObject({ ...common, status: is('creating'), updated_at: z.null(), service_uuid: z.null(), attachments: nothing });
/** To an administrator. */
export const bornAdminVolume = bornVolume.extend({ migration_status: z.null(), provider_id: z.null(), cluster_name: z.null() });
/** The answer to taking one over: as of version 3.0, whichever is asked for. */
export const managedVolume = bornAdminVolume.omit({ group_id: true, shared_targets: true, volume_type_id: true, consumes_quota: true, service_uuid: true, provider_id: true, cluster_name: true }).extend({ size: z.literal(0) });
export const changedVolume = z.strictObject({ ...common, service_uuid: uuid, ...imageMetadata });
export const volume = z.strictObject({ ...common, service_uuid: uuid.nullable(), 'os-vol-tenant-attr:tenant_id': hex, ...imageMetadata });
/** To an administrator. */
export const adminVolume = z.strictObject({
  ...common,
  service_uuid: uuid.nullable(),
  'os-vol-tenant-attr:tenant_id': hex,
  ...imageMetadata,
  migration_status: z.null(),
  provider_id: z.null(),
  cluster_name: z.null(),
  'os-vol-mig-status-attr:migstat': z.null(),
  'os-vol-mig-status-attr:name_id': z.null(),
  'os-vol-host-attr:host': text.nullable(),
});

export const volumeType = z.strictObject({ id: uuid, name: text, is_public: z.boolean(), description: text.nullable(), extra_specs: map, 'os-volume-type-access:is_public': z.boolean(), qos_specs_id: z.null() });
export const tenantVolumeType = z.strictObject({ id: uuid, name: text, is_public: z.boolean(), description: text.nullable(), extra_specs: map.optional(), 'os-volume-type-access:is_public': z.boolean() });

const daemon = { host: text, zone: text, status: is('enabled', 'disabled'), state: is('up', 'down'), updated_at: timeMicro, cluster: z.null(), disabled_reason: z.null() };
export const backupService = z.strictObject({ binary: is('cinder-backup'), ...daemon });
export const volumeService = z.strictObject({ binary: is('cinder-volume'), ...daemon, backend_state: is('up', 'down'), replication_status: text, active_backend_id: z.null(), frozen: z.boolean() });

export const zones = z.strictObject({ availabilityZoneInfo: z.array(z.strictObject({ zoneName: text, zoneState: z.strictObject({ available: z.boolean() }) })) });

export const usage = z.strictObject({ limit: z.int(), in_use: z.int(), reserved: z.int() });
/** Per resource, and per resource and volume type. */
export const quota = z.object({
  id: hex, volumes: usage, per_volume_gigabytes: usage, snapshots: usage, gigabytes: usage, backups: usage, backup_gigabytes: usage, groups: usage,
  volumes_ceph: usage, gigabytes_ceph: usage, snapshots_ceph: usage, volumes___DEFAULT__: usage, gigabytes___DEFAULT__: usage, snapshots___DEFAULT__: usage,
}).catchall(usage);

export const groupType = z.strictObject({ id: uuid, name: text, description: text.nullable(), is_public: z.boolean(), group_specs: map });
export const bornGroup = z.strictObject({ id: uuid, name: text });
export const group = z.strictObject({
  id: uuid, status: is('creating', 'available', 'updating', 'deleting', 'error'), availability_zone: text, created_at: timeMicro, name: text, description: text.nullable(), group_type: uuid,
  volume_types: z.array(uuid), group_snapshot_id: z.null(), source_group_id: z.null(), volumes: z.array(uuid), replication_status: text, project_id: hex,
});
export const bornGroupSnapshot = z.strictObject({ id: uuid, name: text, group_type_id: uuid });
export const groupSnapshot = z.strictObject({
  id: uuid, group_id: uuid, group_type_id: uuid, status: is('creating', 'available', 'deleting', 'error', 'error_deleting'), created_at: timeMicro, name: text, description: text.nullable(), project_id: hex,
});

const snapshotCommon = {
  id: uuid, created_at: timeMicro, updated_at: timeMicro.nullable(), name: text.nullable(), description: text.nullable(), volume_id: uuid,
  status: is('creating', 'available', 'backing-up', 'deleting', 'error', 'error_deleting'), size: z.int(), metadata: map, group_snapshot_id: uuid.nullable(), user_id: hex, consumes_quota: z.boolean(),
};
export const bornSnapshot = z.strictObject({ ...snapshotCommon, status: is('creating'), updated_at: z.null() });
export const snapshot = z.strictObject({ ...snapshotCommon, 'os-extended-snapshot-attributes:project_id': hex, 'os-extended-snapshot-attributes:progress': text });

export const bornBackup = z.strictObject({ id: uuid, name: text.nullable(), links });
const backupCommon = {
  id: uuid, status: is('creating', 'available', 'restoring', 'deleting', 'error', 'error_deleting'), size: z.int(), object_count: z.int().nullable(), availability_zone: text.nullable(), container: text.nullable(),
  created_at: timeMicro, updated_at: timeMicro.nullable(), name: text.nullable(), description: text.nullable(), fail_reason: text.nullable(), volume_id: uuid, links,
  is_incremental: z.boolean(), has_dependent_backups: z.boolean(), snapshot_id: uuid.nullable(), data_timestamp: timeMicro, metadata: map.nullable(), encryption_key_id: uuid.optional(),
};
export const backup = z.strictObject(backupCommon);
export const adminBackup = z.strictObject({ ...backupCommon, 'os-backup-project-attr:project_id': hex, user_id: hex });

export const exportRecord = z.strictObject({ 'backup-record': z.strictObject({ backup_service: text, backup_url: text.regex(/^[A-Za-z0-9+/]+=*$/) }) });
export const restore = z.strictObject({ restore: z.strictObject({ backup_id: uuid, volume_id: uuid, volume_name: text.nullable() }) });
/** What the base64 of an export record holds: Cinder's own Backup object, as JSON. */
export const backupObject = z.strictObject({
  driver_info: empty, id: uuid, user_id: hex, project_id: hex, volume_id: uuid, host: text, availability_zone: text.nullable(), container: text, parent_id: uuid.nullable(), status: is('available'),
  fail_reason: z.null(), size: z.int(), display_name: text.nullable(), display_description: text.nullable(), service_metadata: text.nullable(), service: text, object_count: z.int(),
  temp_volume_id: z.null(), temp_snapshot_id: z.null(), snapshot_id: uuid.nullable(), data_timestamp: text, restore_volume_id: uuid.nullable(), encryption_key_id: z.null(), metadata: map,
  created_at: text, updated_at: text, deleted_at: z.null(), deleted: z.boolean(), num_dependent_backups: z.int(),
});
