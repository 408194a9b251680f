import * as z from 'zod';
import { maybe, orElse } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { Session } from '../session/session.ts';
import type { VersionWish } from '../session/microversion.ts';
import type { CallOptions, Query } from '../types.ts';

const WANT: VersionWish = { want: '1.39' };

export const resourceProviderSchema = z.looseObject({ uuid: z.string(), name: z.string(), generation: z.number() });
export type ResourceProvider = z.infer<typeof resourceProviderSchema>;

export const inventorySchema = z.looseObject({ total: z.number(), reserved: orElse(z.number(), 0), allocation_ratio: orElse(z.number(), 1), max_unit: maybe(z.number()) });
export type Inventory = z.infer<typeof inventorySchema>;

/** Placement; its API is for administrators. */
export function createPlacement(service: Service, session: Session) {
  return {
    versions: (options?: CallOptions) => session.versions('placement', options),
    resourceProviders: {
      list: (query: Query = {}, options?: CallOptions): Promise<ResourceProvider[]> =>
        listAll(service, { path: '/resource_providers', key: 'resource_providers', item: resourceProviderSchema, query, version: WANT }, options),
      /** By resource class: VCPU, MEMORY_MB (MiB), DISK_GB (GiB). */
      inventories: async (uuid: string, options?: CallOptions): Promise<Record<string, Inventory>> =>
        (await service.json({ method: 'GET', path: `/resource_providers/${seg(uuid)}/inventories`, version: WANT }, z.looseObject({ inventories: z.record(z.string(), inventorySchema) }), options)).inventories,
      usages: async (uuid: string, options?: CallOptions): Promise<Record<string, number>> =>
        (await service.json({ method: 'GET', path: `/resource_providers/${seg(uuid)}/usages`, version: WANT }, z.looseObject({ usages: z.record(z.string(), z.number()) }), options)).usages,
    },
  };
}
export type PlacementApi = ReturnType<typeof createPlacement>;
