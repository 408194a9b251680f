import { orUndefined, type Cloud, type Group as CinderGroup } from '@godwit/openstack';
import { GodwitError } from '@godwit/sites';
import type { Clock } from '../deps.ts';
import type { VolumeRecord } from '../inventory/types.ts';
import { names } from '../names.ts';
import { waitFor } from './wait.ts';

export interface CinderDeps {
  readonly site: string;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Makes Cinder's generic volume group of a protection group hold exactly these volumes. Returns its id. */
export async function ensureCinderGroup(deps: CinderDeps, groupId: string, volumes: readonly VolumeRecord[]): Promise<string> {
  const { volume } = deps.cloud;
  const typeId = await ensureGroupType(deps.cloud);
  const wantedTypes = await volumeTypeIds(deps, volumes);
  let group = await findGroup(deps.cloud, groupId);
  if (group && !wantedTypes.every((t) => group?.volume_types.includes(t))) {
    // A group's volume types are fixed when it is made: one that lacks a type is made anew, and keeps no volumes meanwhile.
    await deleteCinderGroup(deps, groupId);
    group = undefined;
  }
  const { id } = group ?? (await volume.groups.create({ name: names.cinderGroup(groupId), description: 'volumes of a Godwit protection group', group_type: typeId, volume_types: wantedTypes }));
  const ready = await groupSettled(deps, id);
  const have = new Set((await volume.volumes.list({ group_id: ready.id })).filter((v) => v.group_id === ready.id).map((v) => v.id));
  const want = new Set(volumes.map((v) => v.id));
  const add = [...want].filter((v) => !have.has(v));
  const remove = [...have].filter((v) => !want.has(v));
  if (add.length > 0 || remove.length > 0) {
    await volume.groups.update(ready.id, { add_volumes: add, remove_volumes: remove });
    await groupSettled(deps, ready.id);
  }
  return ready.id;
}

export async function findGroup(cloud: Cloud, groupId: string): Promise<CinderGroup | undefined> {
  const groups = await cloud.volume.groups.list();
  return groups.find((g) => g.name === names.cinderGroup(groupId) && g.status !== 'error');
}

/**
 * Takes the volumes out first: deleting a group with its volumes would delete the application's data. Every group of that name goes: one
 * whose making failed is there too, in error and without volumes.
 */
export async function deleteCinderGroup(deps: CinderDeps, groupId: string): Promise<void> {
  const { volume } = deps.cloud;
  for (const group of (await volume.groups.list()).filter((g) => g.name === names.cinderGroup(groupId))) {
    const members = (await volume.volumes.list({ group_id: group.id })).filter((v) => v.group_id === group.id);
    if (members.length > 0) {
      await volume.groups.update(group.id, { remove_volumes: members.map((v) => v.id) });
      await groupSettled(deps, group.id);
    }
    await orUndefined(volume.groups.delete(group.id, { deleteVolumes: false }));
    await waitFor(
      async () => {
        const now = await orUndefined(volume.groups.get(group.id));
        if (now?.status === 'error_deleting') throw stuck(deps.site, `group ${group.id}`, now.status);
        return now ? undefined : true;
      },
      { ...deps, pollMs: 500, timeoutMs: 120_000, onTimeout: () => stuck(deps.site, `group ${group.id}`, 'deleting') },
    );
  }
}

async function groupSettled(deps: CinderDeps, id: string): Promise<CinderGroup> {
  return waitFor(
    async () => {
      const group = await deps.cloud.volume.groups.get(id);
      if (group.status === 'available') return group;
      if (group.status.startsWith('error')) throw stuck(deps.site, `group ${id}`, group.status);
      return undefined;
    },
    { ...deps, pollMs: 300, timeoutMs: 120_000, onTimeout: () => stuck(deps.site, `group ${id}`, 'not available after 120 s') },
  );
}

async function ensureGroupType(cloud: Cloud): Promise<string> {
  const find = async () => (await cloud.volume.groupTypes.list()).find((t) => t.name === names.groupType)?.id;
  const found = await find();
  if (found !== undefined) return found;
  try {
    // No consistent_group_snapshot_enabled: RBD accepts it in silence and is not consistent. The freeze gives the consistency.
    return (await cloud.volume.groupTypes.create({ name: names.groupType, description: 'volumes of Godwit protection groups' })).id;
  } catch (error) {
    const other = await find(); // made by another controller meanwhile
    if (other !== undefined) return other;
    throw error;
  }
}

async function volumeTypeIds(deps: CinderDeps, volumes: readonly VolumeRecord[]): Promise<string[]> {
  const types = await deps.cloud.volume.types.list();
  return [...new Set(volumes.map((v) => v.type))].map((name) => {
    const type = types.find((t) => t.name === name);
    if (type) return type.id;
    throw new GodwitError('GW_VOLUME_TYPE_UNKNOWN', 'terminal', `${deps.site}: there is no volume type ${name}`, { site: deps.site, resource: `volume type ${name}` });
  });
}

export const stuck = (site: string, resource: string, status: string): GodwitError =>
  new GodwitError('GW_RESOURCE_STUCK', 'terminal', `${site}: ${resource} is ${status}`, { site, resource, action: 'Look at the log of the service that owns it; then try again.' });
