import * as z from 'zod';
import { orElse } from '../fields.ts';
import { quotaUsage } from '../quota.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { createAttachments } from './attachments.ts';
import { createBackups } from './backups.ts';
import { createGroupSnapshots } from './group-snapshots.ts';
import { createGroupTypes } from './group-types.ts';
import { createGroups } from './groups.ts';
import { createSnapshots } from './snapshots.ts';
import { createVolumeTypes } from './types.ts';
import { WANT } from './version.ts';
import { createVolumes } from './volumes.ts';

export const volumeServiceSchema = z.looseObject({
  binary: z.string(),
  host: z.string(),
  /** `enabled` or `disabled`: what the operator wants. */
  status: z.string(),
  /** `up` or `down`: what its heart-beats say. */
  state: z.string(),
  zone: z.string().nullish(),
  updated_at: z.string().nullish(),
  disabled_reason: z.string().nullish(),
});
export type VolumeService = z.infer<typeof volumeServiceSchema>;

const capacity = z.union([z.number(), z.string()]).nullish();
const capabilitiesSchema = z.looseObject({
  storage_protocol: z.union([z.string(), z.array(z.string())]).nullish(),
  driver_version: z.string().nullish(),
  volume_backend_name: z.string().nullish(),
  /** Where it lies; of Ceph `ceph:<conf>:<fsid>:<user>:<pool>`. */
  location_info: z.string().nullish(),
  free_capacity_gb: capacity,
  total_capacity_gb: capacity,
  allocated_capacity_gb: capacity,
});

/** A back end's pool. Capacities are GiB, or `infinite` or `unknown` in words. */
export const poolSchema = z.looseObject({
  name: z.string(),
  capabilities: orElse(capabilitiesSchema, {}),
});
export type Pool = z.infer<typeof poolSchema>;

const absoluteLimits = z.looseObject({ limits: z.looseObject({ absolute: z.record(z.string(), z.number()) }) });

const quotaAnswer = z.looseObject({ quota_set: quotaUsage() });
const zonesAnswer = z.looseObject({ availabilityZoneInfo: z.array(z.looseObject({ zoneName: z.string(), zoneState: z.looseObject({ available: z.boolean() }) })) });

/** Block storage (Cinder). */
export function createVolume(service: Service) {
  return {
    volumes: createVolumes(service),
    snapshots: createSnapshots(service),
    groups: createGroups(service),
    groupTypes: createGroupTypes(service),
    groupSnapshots: createGroupSnapshots(service),
    backups: createBackups(service),
    types: createVolumeTypes(service),
    attachments: createAttachments(service),
    services: {
      /** For administrators. `binary`: cinder-volume, cinder-backup, cinder-scheduler. */
      list: (query: { readonly binary?: string; readonly host?: string } = {}, options?: CallOptions): Promise<VolumeService[]> =>
        listAll(service, { path: '/os-services', key: 'services', item: volumeServiceSchema, query, version: WANT }, options),
    },
    pools: {
      /** For administrators: what the scheduler knows of each back end. */
      list: (query: Query = {}, options?: CallOptions): Promise<Pool[]> =>
        listAll(service, { path: '/scheduler-stats/get_pools', key: 'pools', item: poolSchema, query: { detail: true, ...query }, version: WANT }, options),
    },
    availabilityZones: async (options?: CallOptions): Promise<{ name: string; available: boolean }[]> => {
      const body = await service.json({ method: 'GET', path: '/os-availability-zone', version: WANT }, zonesAnswer, options);
      return body.availabilityZoneInfo.map((zone) => ({ name: zone.zoneName, available: zone.zoneState.available }));
    },
    /** Limit and use of each resource (`volumes`, `gigabytes`, `snapshots`, `backups`, `backup_gigabytes`, `groups`, `gigabytes_<type>` …). A limit of -1 is none. */
    quota: async (projectId: string, options?: CallOptions) =>
      (await service.json({ method: 'GET', path: `/os-quota-sets/${seg(projectId)}`, query: { usage: true }, version: WANT }, quotaAnswer, options)).quota_set,
    /** Sets limits; for administrators. */
    setQuota: async (projectId: string, limits: Readonly<Record<string, number>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'PUT', path: `/os-quota-sets/${seg(projectId)}`, body: { quota_set: limits }, version: WANT }, options);
    },
    /** The caller's own limits and use: maxTotalVolumes, totalVolumesUsed, … */
    limits: async (options?: CallOptions): Promise<Record<string, number>> =>
      (await service.json({ method: 'GET', path: '/limits', version: WANT }, absoluteLimits, options)).limits.absolute,
  };
}
export type VolumeApi = ReturnType<typeof createVolume>;
