import { envelope } from '../envelope.ts';
import * as z from 'zod';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { wish } from './version.ts';

export const groupSnapshotSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  status: z.string(),
  group_id: z.string(),
  group_type_id: z.string().nullish(),
  created_at: z.string().nullish(),
  project_id: z.string().nullish(),
});
export type GroupSnapshot = z.infer<typeof groupSnapshotSchema>;

const VERSION = wish('3.14', 'a snapshot of a group');
const born = z.looseObject({ group_snapshot: z.looseObject({ id: z.string(), name: z.string().nullish(), group_id: z.string().nullish() }) });

export function createGroupSnapshots(service: Service) {
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<GroupSnapshot[]> =>
      listAll(service, { path: '/group_snapshots/detail', key: 'group_snapshots', item: groupSnapshotSchema, query, version: VERSION }, options),
    get: async (id: string, options?: CallOptions): Promise<GroupSnapshot> =>
      (await service.json({ method: 'GET', path: `/group_snapshots/${seg(id)}`, version: VERSION }, envelope('group_snapshot', groupSnapshotSchema), options)).group_snapshot,
    /** Accepted, not made: look at its status until `available` or `error`. Its snapshots are found by `snapshots.list`, field group_snapshot_id. */
    create: async (body: { readonly group_id: string; readonly name?: string; readonly description?: string }, options?: CallOptions): Promise<{ id: string; name?: string | null | undefined }> =>
      (await service.json({ method: 'POST', path: '/group_snapshots', body: { group_snapshot: body }, version: VERSION }, born, options)).group_snapshot,
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/group_snapshots/${seg(id)}`, version: VERSION }, options);
    },
    resetStatus: async (id: string, status: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/group_snapshots/${seg(id)}/action`, body: { reset_status: { status } }, version: wish('3.19', 'setting a group snapshot\'s status') }, options);
    },
  };
}
