import { at, GodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { VolumeRecord } from '../inventory/types.ts';
import type { Place, ReplicationDriver } from './types.ts';

/** The driver, where there is one. Throws GW_REPLICATION_NOT_CONFIGURED. */
export function driverOf(deps: Pick<Deps, 'replication'>): ReplicationDriver {
  if (deps.replication) return deps.replication;
  throw new GodwitError('GW_REPLICATION_NOT_CONFIGURED', 'terminal', 'this controller reaches no site’s storage', { action: 'Configure `agents` in godwit.yaml and enrol a storage agent at each site: docs/operators/agent.md.' });
}

/** Name that Cinder's RBD driver gives a volume's image. One that was migrated goes on by another id. */
export const imageOf = (volume: { readonly id: string } & Readonly<Record<string, unknown>>): string => `volume-${typeof volume['os-vol-mig-status-attr:name_id'] === 'string' ? volume['os-vol-mig-status-attr:name_id'] : volume.id}`;

/** Of Cinder's own word on where a pool lies: `ceph:<conf>:<fsid>:<user>:<pool>`. */
function liesIn(location: string | null | undefined, place: Pick<Place, 'cluster' | 'pool'>): boolean {
  const [kind, , fsid, , pool] = (location ?? '').split(':');
  return kind === 'ceph' && fsid?.toLowerCase() === place.cluster && pool === place.pool;
}

/** The back end (`host@backend#pool`) of a site's Cinder that serves a place: what manages an image as a volume. */
export async function backendOf(deps: Deps, place: Place): Promise<string> {
  const pools = await at(place.site, () => deps.sites.get(place.site).admin.volume.pools.list());
  const found = pools.find((p) => liesIn(p.capabilities.location_info, place));
  if (found) return found.name;
  throw new GodwitError('GW_REPLICATION_NO_BACKEND', 'terminal', `${place.site}: none of Cinder’s back ends lies in pool ${place.pool} of the cluster that agent ${place.node} reaches (${place.cluster})`, {
    site: place.site, resource: `pool ${place.pool}`, action: 'Enrol a storage agent at the Ceph that Cinder uses there, with that pool in its agent.yaml.',
  });
}

export interface Located {
  readonly record: VolumeRecord;
  readonly image: string;
  readonly source: Place;
  readonly target: Place;
}

/** Where each volume lies, and where its copy does: the pool of the same name at the other site. Throws for the first that cannot be told. */
export async function locate(deps: Deps, from: string, to: string, volumes: readonly VolumeRecord[]): Promise<Located[]> {
  const driver = driverOf(deps);
  const [here, there] = [await driver.places(from), await driver.places(to)];
  const pools = await at(from, () => deps.sites.get(from).admin.volume.pools.list());
  return Promise.all(volumes.map(async (record): Promise<Located> => {
    const volume = await at(from, () => deps.sites.get(from).admin.volume.volumes.get(record.id), `volume ${record.name || record.id}`);
    const backend = volume['os-vol-host-attr:host'];
    const location = pools.find((p) => p.name === backend)?.capabilities.location_info;
    const source = here.find((p) => liesIn(location, p));
    if (!source) throw elsewhere(from, record, backend ?? '');
    const target = there.find((p) => p.pool === source.pool && p.cluster !== source.cluster);
    if (!target) throw noPeer(source, to, `the storage agent there has no pool ${source.pool} in another cluster`);
    return { record, image: imageOf(volume), source, target };
  }));
}

const elsewhere = (site: string, record: VolumeRecord, backend: string): GodwitError =>
  new GodwitError('GW_REPLICATION_NO_BACKEND', 'terminal', `${site}: volume ${record.name || record.id} lies at ${backend || 'an unknown back end'}, which no storage agent there reaches`, {
    site, resource: `volume ${record.id}`, action: 'Enrol a storage agent at that Ceph with the pool in its agent.yaml, or protect the group by another method.',
  });

export const noPeer = (source: Place, to: string, why: string): GodwitError =>
  new GodwitError('GW_REPLICATION_NO_PEER', 'terminal', `${source.site}: pool ${source.pool} is not mirrored to ${to}: ${why}`, {
    site: source.site, resource: `pool ${source.pool}`, action: 'Enable mirroring by image in the pools of both sites, and make them each other’s peers (docs/operators/replication.md).',
  });
