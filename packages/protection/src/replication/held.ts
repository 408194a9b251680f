import type { Deps } from '../deps.ts';
import { driverOf } from './places.ts';
import type { Held, Place } from './types.ts';

/** Images of a group by the place in which they lie: each place is asked once for all that lie there. */
export function byPlace(group: string, items: readonly { readonly place: Place; readonly image: string }[]): Held[] {
  const held = new Map<string, { place: Place; group: string; images: string[] }>();
  for (const { place, image } of items) {
    const key = `${place.node} ${place.pool}`;
    const known = held.get(key) ?? { place, group, images: [] };
    if (!known.images.includes(image)) known.images.push(image);
    held.set(key, known);
  }
  return [...held.values()];
}

/** The pool of that name at a site, as it is reached now. Throws GW_REPLICATION_NO_AGENT, GW_REPLICATION_NO_BACKEND. */
export async function placeAt(deps: Deps, site: string, pool: string, cluster: string): Promise<Place | undefined> {
  return (await driverOf(deps).places(site)).find((p) => p.pool === pool && p.cluster === cluster);
}
