import * as z from 'zod';
import { maybe, orElse, stringMap } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { WANT, wish } from './version.ts';

export const flavorSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  vcpus: z.number(),
  /** MiB. */
  ram: z.number(),
  /** GiB. */
  disk: z.number(),
  'OS-FLV-EXT-DATA:ephemeral': orElse(z.number(), 0),
  /** MiB; an empty string before 2.75. */
  swap: orElse(z.union([z.number(), z.string()]).transform(Number), 0),
  'os-flavor-access:is_public': maybe(z.boolean()),
  rxtx_factor: maybe(z.number()),
  description: z.string().nullish(),
  /** Since 2.61, to whom policy allows. */
  extra_specs: maybe(stringMap()),
});
export type Flavor = z.infer<typeof flavorSchema>;

export interface FlavorCreate {
  readonly name: string;
  readonly vcpus: number;
  readonly ram: number;
  readonly disk: number;
  readonly id?: string;
  readonly swap?: number;
  readonly rxtx_factor?: number;
  readonly 'OS-FLV-EXT-DATA:ephemeral'?: number;
  readonly 'os-flavor-access:is_public'?: boolean;
  readonly description?: string;
}

const one = z.looseObject({ flavor: flavorSchema });
const accessList = z.looseObject({ flavor_access: z.array(z.looseObject({ tenant_id: z.string() })) });
const specs = z.looseObject({ extra_specs: stringMap() });

export function createFlavors(service: Service) {
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<Flavor[]> =>
      listAll(service, { path: '/flavors/detail', key: 'flavors', item: flavorSchema, query, version: WANT }, options),
    get: async (id: string, options?: CallOptions): Promise<Flavor> =>
      (await service.json({ method: 'GET', path: `/flavors/${seg(id)}`, version: WANT }, one, options)).flavor,
    create: async (body: FlavorCreate, options?: CallOptions): Promise<Flavor> =>
      (await service.json({ method: 'POST', path: '/flavors', body: { flavor: body }, version: WANT }, one, options)).flavor,
    /** Nothing but its description can be changed. */
    describe: async (id: string, description: string | null, options?: CallOptions): Promise<Flavor> =>
      (await service.json({ method: 'PUT', path: `/flavors/${seg(id)}`, body: { flavor: { description } }, version: wish('2.55', 'the description of a flavor') }, one, options)).flavor,
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/flavors/${seg(id)}`, version: WANT }, options);
    },
    /** Ids of the projects that may use one that is not public. */
    access: async (id: string, options?: CallOptions): Promise<string[]> =>
      (await service.json({ method: 'GET', path: `/flavors/${seg(id)}/os-flavor-access`, version: WANT }, accessList, options)).flavor_access.map((a) => a.tenant_id),
    addAccess: async (id: string, project: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/flavors/${seg(id)}/action`, body: { addTenantAccess: { tenant: project } }, version: WANT }, options);
    },
    removeAccess: async (id: string, project: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/flavors/${seg(id)}/action`, body: { removeTenantAccess: { tenant: project } }, version: WANT }, options);
    },
    extraSpecs: async (id: string, options?: CallOptions): Promise<Record<string, string>> =>
      (await service.json({ method: 'GET', path: `/flavors/${seg(id)}/os-extra_specs`, version: WANT }, specs, options)).extra_specs,
    setExtraSpecs: async (id: string, extra_specs: Readonly<Record<string, string>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/flavors/${seg(id)}/os-extra_specs`, body: { extra_specs }, version: WANT, safe: true }, options);
    },
    deleteExtraSpec: async (id: string, key: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/flavors/${seg(id)}/os-extra_specs/${seg(key)}`, version: WANT }, options);
    },
  };
}
