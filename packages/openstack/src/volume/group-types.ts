import * as z from 'zod';
import { maybe, stringMap } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { wish } from './version.ts';

export const groupTypeSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  description: z.string().nullish(),
  is_public: maybe(z.boolean()),
  /** Only an administrator sees them. */
  group_specs: maybe(stringMap()),
});
export type GroupType = z.infer<typeof groupTypeSchema>;

export interface GroupTypeCreate {
  readonly name: string;
  readonly description?: string;
  readonly is_public?: boolean;
  readonly group_specs?: Readonly<Record<string, string>>;
}

const VERSION = wish('3.11', 'a type of groups');
const one = z.looseObject({ group_type: groupTypeSchema });

export function createGroupTypes(service: Service) {
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<GroupType[]> =>
      listAll(service, { path: '/group_types', key: 'group_types', item: groupTypeSchema, query, version: VERSION }, options),
    get: async (id: string, options?: CallOptions): Promise<GroupType> =>
      (await service.json({ method: 'GET', path: `/group_types/${seg(id)}`, version: VERSION }, one, options)).group_type,
    create: async (body: GroupTypeCreate, options?: CallOptions): Promise<GroupType> =>
      (await service.json({ method: 'POST', path: '/group_types', body: { group_type: body }, version: VERSION }, one, options)).group_type,
    setSpecs: async (id: string, group_specs: Readonly<Record<string, string>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/group_types/${seg(id)}/group_specs`, body: { group_specs }, version: VERSION, safe: true }, options);
    },
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/group_types/${seg(id)}`, version: VERSION }, options);
    },
  };
}
