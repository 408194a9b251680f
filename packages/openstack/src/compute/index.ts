import * as z from 'zod';
import { maybe } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { quotaUsage } from '../quota.ts';
import { seg, type Service } from '../service.ts';
import type { Session } from '../session/session.ts';
import type { CallOptions, Query } from '../types.ts';
import { createFlavors } from './flavors.ts';
import { createKeypairs } from './keypairs.ts';
import { createServerGroups } from './server-groups.ts';
import { createServers } from './servers.ts';
import { WANT } from './version.ts';

export const computeServiceSchema = z.looseObject({
  /** A UUID since 2.53. */
  id: z.union([z.string(), z.number()]).transform(String),
  binary: z.string(),
  host: z.string(),
  zone: z.string().nullish(),
  /** `enabled` or `disabled`: what the operator wants. */
  status: z.string(),
  /** `up` or `down`: what its heart-beats say. */
  state: z.string(),
  forced_down: maybe(z.boolean()),
  disabled_reason: z.string().nullish(),
  updated_at: z.string().nullish(),
});
export type ComputeService = z.infer<typeof computeServiceSchema>;

export const hypervisorSchema = z.looseObject({
  id: z.union([z.string(), z.number()]).transform(String),
  hypervisor_hostname: z.string(),
  hypervisor_type: maybe(z.string()),
  state: maybe(z.string()),
  status: maybe(z.string()),
  host_ip: z.string().nullish(),
  service: maybe(z.looseObject({ host: z.string() })),
});
export type Hypervisor = z.infer<typeof hypervisorSchema>;

const limitsAnswer = z.looseObject({ limits: z.looseObject({ absolute: z.record(z.string(), z.number()) }) });
const quotaAnswer = z.looseObject({ quota_set: quotaUsage() });
const zonesAnswer = z.looseObject({ availabilityZoneInfo: z.array(z.looseObject({ zoneName: z.string(), zoneState: z.looseObject({ available: z.boolean() }) })) });

/** Compute (Nova). */
export function createCompute(service: Service, session: Session) {
  return {
    servers: createServers(service),
    flavors: createFlavors(service),
    keypairs: createKeypairs(service),
    serverGroups: createServerGroups(service),
    services: {
      /** For administrators. `binary`: nova-compute, nova-conductor, nova-scheduler. */
      list: (query: { readonly binary?: string; readonly host?: string } = {}, options?: CallOptions): Promise<ComputeService[]> =>
        listAll(service, { path: '/os-services', key: 'services', item: computeServiceSchema, query, version: WANT }, options),
    },
    hypervisors: {
      list: (query: Query = {}, options?: CallOptions): Promise<Hypervisor[]> =>
        listAll(service, { path: '/os-hypervisors/detail', key: 'hypervisors', item: hypervisorSchema, query, version: WANT }, options),
    },
    /** The caller's own limits and use: maxTotalInstances, totalInstancesUsed, … */
    limits: async (options?: CallOptions): Promise<Record<string, number>> =>
      (await service.json({ method: 'GET', path: '/limits', version: WANT }, limitsAnswer, options)).limits.absolute,
    /** Limit and use of `instances`, `cores`, `ram` (MiB), `key_pairs`, `server_groups`, … A limit of -1 is none. */
    quota: async (projectId: string, options?: CallOptions) =>
      (await service.json({ method: 'GET', path: `/os-quota-sets/${seg(projectId)}/detail`, version: WANT }, quotaAnswer, options)).quota_set,
    setQuota: async (projectId: string, limits: Readonly<Record<string, number>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'PUT', path: `/os-quota-sets/${seg(projectId)}`, body: { quota_set: limits }, version: WANT }, options);
    },
    availabilityZones: async (options?: CallOptions): Promise<{ name: string; available: boolean }[]> => {
      const body = await service.json({ method: 'GET', path: '/os-availability-zone', version: WANT }, zonesAnswer, options);
      return body.availabilityZoneInfo.map((zone) => ({ name: zone.zoneName, available: zone.zoneState.available }));
    },
    /** The range of microversions the endpoint speaks. */
    versions: (options?: CallOptions) => session.versions('compute', options),
  };
}
export type ComputeApi = ReturnType<typeof createCompute>;
