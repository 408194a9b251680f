import { envelope } from '../envelope.ts';
import * as z from 'zod';
import { maybe, orElse } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { wish } from './version.ts';

export const groupSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  status: z.string(),
  group_type: z.string(),
  volume_types: orElse(z.array(z.string()), []),
  /** Only when asked for: see `get` and `list`. */
  volumes: maybe(z.array(z.string())),
  availability_zone: z.string().nullish(),
  created_at: z.string().nullish(),
  project_id: z.string().nullish(),
});
export type Group = z.infer<typeof groupSchema>;

export interface GroupCreate {
  readonly group_type: string;
  /** Every type a member may have. */
  readonly volume_types: readonly string[];
  readonly name?: string;
  readonly description?: string;
  readonly availability_zone?: string;
}

export interface GroupUpdate {
  readonly name?: string;
  readonly description?: string;
  /** Ids. */
  readonly add_volumes?: readonly string[];
  readonly remove_volumes?: readonly string[];
}

const GROUPS = wish('3.13', 'a group of volumes');
/** `list_volume` came later than groups. */
const WITH_VOLUMES = wish('3.25', 'the volumes of a group');
/** Cinder answers a creation with no more than this. */
const born = z.looseObject({ group: z.looseObject({ id: z.string(), name: z.string().nullish() }) });

export function createGroups(service: Service) {
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<Group[]> =>
      listAll(service, { path: '/groups/detail', key: 'groups', item: groupSchema, query: { list_volume: true, ...query }, version: WITH_VOLUMES }, options),
    get: async (id: string, options?: CallOptions): Promise<Group> =>
      (await service.json({ method: 'GET', path: `/groups/${seg(id)}`, query: { list_volume: true }, version: WITH_VOLUMES }, envelope('group', groupSchema), options)).group,
    /** Accepted, not made: look at its status until `available` or `error`. */
    create: async (body: GroupCreate, options?: CallOptions): Promise<{ id: string; name?: string | null | undefined }> =>
      (await service.json({ method: 'POST', path: '/groups', body: { group: body }, version: GROUPS }, born, options)).group,
    /** Accepted, not done: the group is `updating` until its volumes are in or out. */
    update: async (id: string, { add_volumes, remove_volumes, ...body }: GroupUpdate, options?: CallOptions): Promise<void> => {
      const group = {
        ...body,
        ...(add_volumes?.length ? { add_volumes: add_volumes.join(',') } : {}),
        ...(remove_volumes?.length ? { remove_volumes: remove_volumes.join(',') } : {}),
      };
      // Not safe to repeat: a volume that is already in is refused.
      await service.send({ method: 'PUT', path: `/groups/${seg(id)}`, body: { group }, version: GROUPS, safe: false }, options);
    },
    /** Without `deleteVolumes` a group that has volumes is refused: take them out first, and they stay. */
    delete: async (id: string, { deleteVolumes = false, ...options }: CallOptions & { deleteVolumes?: boolean } = {}): Promise<void> => {
      await service.send({ method: 'POST', path: `/groups/${seg(id)}/action`, body: { delete: { 'delete-volumes': deleteVolumes } }, version: GROUPS }, options);
    },
    resetStatus: async (id: string, status: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/groups/${seg(id)}/action`, body: { reset_status: { status } }, version: wish('3.20', 'setting a group\'s status') }, options);
    },
  };
}
