import * as z from 'zod';
import { maybe, orElse, stringMap } from '../fields.ts';
import { iterate, listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { WANT, wish } from './version.ts';

const volumeAttachmentSchema = z.looseObject({ id: z.string(), attachment_id: z.string().nullish(), server_id: z.string().nullish(), device: z.string().nullish(), host_name: z.string().nullish() });

export const volumeSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  status: z.string(),
  /** GiB. */
  size: z.number(),
  volume_type: z.string().nullish(),
  availability_zone: z.string().nullish(),
  /** `'true'` or `'false'`, in words. */
  bootable: z.union([z.string(), z.boolean()]).transform(String),
  encrypted: maybe(z.boolean()),
  multiattach: maybe(z.boolean()),
  metadata: orElse(stringMap(), {}),
  volume_image_metadata: maybe(stringMap()),
  snapshot_id: z.string().nullish(),
  source_volid: z.string().nullish(),
  group_id: z.string().nullish(),
  attachments: orElse(z.array(volumeAttachmentSchema), []),
  /** `host@backend#pool`; only an administrator sees it. */
  'os-vol-host-attr:host': z.string().nullish(),
  'os-vol-tenant-attr:tenant_id': maybe(z.string()),
  replication_status: z.string().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
});
export type Volume = z.infer<typeof volumeSchema>;

/** What lies on the storage, to be taken over as a volume. */
export interface VolumeManage {
  /** `host@backend#pool` */
  readonly host: string;
  /** `source-name`: of an RBD image. */
  readonly ref: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly volume_type?: string;
  readonly availability_zone?: string;
  readonly bootable?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface VolumeCreate {
  /** GiB. May be left out only with a source that tells it. */
  readonly size?: number;
  readonly name?: string;
  readonly description?: string;
  readonly volume_type?: string;
  readonly availability_zone?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly snapshot_id?: string;
  readonly source_volid?: string;
  readonly imageRef?: string;
  /** A new volume filled from a backup (3.47). */
  readonly backup_id?: string;
  /** Born in a group (3.13). */
  readonly group_id?: string;
  readonly [field: string]: unknown;
}

const one = z.looseObject({ volume: volumeSchema });

export function createVolumes(service: Service) {
  const action = async (id: string, body: unknown, options?: CallOptions): Promise<void> => {
    await service.send({ method: 'POST', path: `/volumes/${seg(id)}/action`, body, version: WANT }, options);
  };
  const listRequest = (query: Query) => ({ path: '/volumes/detail', key: 'volumes', item: volumeSchema, query, version: WANT });
  return {
    /** With `all_tenants: true` (administrators) of every project. */
    list: (query: Query = {}, options?: CallOptions): Promise<Volume[]> => listAll(service, listRequest(query), options),
    iterate: (query: Query = {}, options?: CallOptions): AsyncGenerator<Volume> => iterate(service, listRequest(query), options),
    get: async (id: string, options?: CallOptions): Promise<Volume> =>
      (await service.json({ method: 'GET', path: `/volumes/${seg(id)}`, version: WANT }, one, options)).volume,
    /** Accepted, not made: look at its status until `available` or `error`. */
    create: async (body: VolumeCreate, options?: CallOptions): Promise<Volume> => {
      const version = body.backup_id !== undefined ? wish('3.47', 'a volume from a backup') : body.group_id !== undefined ? wish('3.13', 'a volume in a group') : WANT;
      return (await service.json({ method: 'POST', path: '/volumes', body: { volume: body }, version }, one, options)).volume;
    },
    /** Takes over what lies on the storage; Ceph's driver renames the image to `volume-<id>`. For administrators; the volume is the token's project's. Accepted, not done: look at its status. */
    manage: async (body: VolumeManage, options?: CallOptions): Promise<Volume> =>
      (await service.json({ method: 'POST', path: '/manageable_volumes', body: { volume: body }, version: wish('3.8', 'manageable volumes') }, one, options)).volume,
    /** Cinder forgets the volume; what lies on the storage stays. For administrators. */
    unmanage: (id: string, options?: CallOptions): Promise<void> => action(id, { 'os-unmanage': {} }, options),
    /** With `cascade` its snapshots go too. */
    delete: async (id: string, { cascade, ...options }: CallOptions & { cascade?: boolean } = {}): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/volumes/${seg(id)}`, query: { cascade }, version: WANT }, options);
    },
    update: async (id: string, body: { readonly name?: string; readonly description?: string; readonly metadata?: Readonly<Record<string, string>> }, options?: CallOptions): Promise<Volume> =>
      (await service.json({ method: 'PUT', path: `/volumes/${seg(id)}`, body: { volume: body }, version: WANT }, one, options)).volume,
    setBootable: (id: string, bootable: boolean, options?: CallOptions): Promise<void> => action(id, { 'os-set_bootable': { bootable } }, options),
    /** Properties that an image would bring: `hw_qemu_guest_agent` and the like. Others stay. */
    setImageMetadata: (id: string, metadata: Readonly<Record<string, string>>, options?: CallOptions): Promise<void> =>
      action(id, { 'os-set_image_metadata': { metadata } }, options),
    unsetImageMetadata: (id: string, key: string, options?: CallOptions): Promise<void> => action(id, { 'os-unset_image_metadata': { key } }, options),
    /** Adds to the metadata or replaces keys in it; others stay. */
    setMetadata: async (id: string, metadata: Readonly<Record<string, string>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/volumes/${seg(id)}/metadata`, body: { metadata }, version: WANT, safe: true }, options);
    },
    deleteMetadata: async (id: string, key: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/volumes/${seg(id)}/metadata/${seg(key)}`, version: WANT }, options);
    },
    extend: (id: string, newSizeGib: number, options?: CallOptions): Promise<void> => action(id, { 'os-extend': { new_size: newSizeGib } }, options),
    setReadonly: (id: string, readonly: boolean, options?: CallOptions): Promise<void> => action(id, { 'os-update_readonly_flag': { readonly } }, options),
    /** For administrators, on a volume that hangs in a state that nothing will end. */
    resetStatus: (id: string, status: string, options?: CallOptions): Promise<void> => action(id, { 'os-reset_status': { status } }, options),
    forceDelete: (id: string, options?: CallOptions): Promise<void> => action(id, { 'os-force_delete': {} }, options),
  };
}
