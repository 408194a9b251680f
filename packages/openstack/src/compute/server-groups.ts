import * as z from 'zod';
import { maybe, orElse } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { wish } from './version.ts';

export const serverGroupSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  /** affinity, anti-affinity, soft-affinity, soft-anti-affinity. */
  policy: z.string(),
  /** `max_server_per_host` of anti-affinity. */
  rules: orElse(z.record(z.string(), z.union([z.number(), z.string()]).transform(Number)), {}),
  /** Ids of servers. */
  members: orElse(z.array(z.string()), []),
  project_id: maybe(z.string()),
  user_id: maybe(z.string()),
});
export type ServerGroup = z.infer<typeof serverGroupSchema>;

export interface ServerGroupCreate {
  readonly name: string;
  readonly policy: string;
  readonly rules?: Readonly<Record<string, number>>;
}

/** One policy a group, and rules, came with this; before, they were lists. */
const SINCE = wish('2.64', 'server groups with one policy');
const one = z.looseObject({ server_group: serverGroupSchema });

/** A group's policy is for good: it can be made and deleted, not changed. */
export function createServerGroups(service: Service) {
  return {
    /** Of the caller's project; with `all_projects: true` (administrators) of every one. */
    list: (query: Query = {}, options?: CallOptions): Promise<ServerGroup[]> =>
      listAll(service, { path: '/os-server-groups', key: 'server_groups', item: serverGroupSchema, query, version: SINCE }, options),
    create: async (body: ServerGroupCreate, options?: CallOptions): Promise<ServerGroup> =>
      (await service.json({ method: 'POST', path: '/os-server-groups', body: { server_group: body }, version: SINCE }, one, options)).server_group,
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/os-server-groups/${seg(id)}`, version: SINCE }, options);
    },
  };
}
