import { GodwitError } from '@godwit/sites';
import type { Deps } from '../../deps.ts';
import { placeAt } from '../../replication/held.ts';
import type { Place, Replica } from '../../replication/types.ts';
import type { PointData } from '../types.ts';

export interface Placed {
  readonly place: Place;
  readonly image: string;
  readonly replica: Replica;
  readonly volumeId: string;
}

/** Where the images of a point lie at one of its sites. Throws when the cluster that was recorded is not the one that is reached there now. */
export async function placesOf(deps: Deps, site: string, point: Pick<PointData, 'volumes'>, side: 'cluster' | 'peer'): Promise<Placed[]> {
  const placed: Placed[] = [];
  for (const { replica, volumeId, name } of point.volumes) {
    if (!replica) throw new GodwitError('GW_REPLICA_BROKEN', 'terminal', `${site}: nothing is recorded of the copy of volume ${name || volumeId}`, { site, resource: `volume ${volumeId}`, action: 'Recover from another recovery point.' });
    placed.push({ place: await placeOf(deps, site, replica, side), image: replica.image, replica, volumeId });
  }
  return placed;
}

export async function placeOf(deps: Deps, site: string, replica: Replica, side: 'cluster' | 'peer'): Promise<Place> {
  const place = await placeAt(deps, site, replica.pool, replica[side]);
  if (place) return place;
  throw new GodwitError('GW_REPLICA_BROKEN', 'terminal', `${site}: the storage agent reaches no pool ${replica.pool} of cluster ${replica[side]}, in which the copies lie`, {
    site, resource: `pool ${replica.pool}`, action: 'Let the agent reach that cluster again: its agent.yaml names the pool, its ceph.conf the cluster.',
  });
}
