import { at } from '@godwit/sites';
import type { Deps } from '../../deps.ts';
import { peerSite } from '../../group-sites.ts';
import type { VolumeRecord } from '../../inventory/types.ts';
import { labels } from '../../names.ts';
import { byPlace } from '../../replication/held.ts';
import { driverOf, locate } from '../../replication/places.ts';
import type { Replica } from '../../replication/types.ts';
import type { Group } from '../../schemas.ts';

/** What the later steps know of each volume's copy. */
export interface BegunReplica extends Replica {
  readonly volumeId: string;
}

/** Every volume has a copy that follows it, whose reference is in the volume's metadata. Done again, it finds what it made. */
export async function beginReplication(deps: Deps, group: Group, volumes: readonly VolumeRecord[], signal: AbortSignal): Promise<BegunReplica[]> {
  const driver = driverOf(deps);
  const site = group.activeSite;
  const located = await locate(deps, site, peerSite(group), volumes);
  const begun: BegunReplica[] = [];
  for (const held of byPlace(group.id, located.map((l) => ({ place: l.source, image: l.image })))) {
    for (const status of await driver.enable(held, group.policy.mirrorMode ?? 'snapshot', signal)) {
      const l = located.find((x) => x.image === status.image);
      if (l) begun.push({ volumeId: l.record.id, ...driver.reference(l.source, l.target, status) });
    }
  }
  // For whoever looks at the volume without Godwit: Cinder itself names no copy.
  const cloud = deps.sites.get(site).asProject(group.project);
  await at(site, () => Promise.all(begun.map((b) => cloud.volume.volumes.setMetadata(b.volumeId, { [labels.replica]: referenceText(b) }))));
  return begun;
}

/** At most 255 characters, as Cinder takes them. */
export const referenceText = ({ driver, pool, image, globalId, cluster }: Replica): string => `${driver}:${cluster}:${pool}/${image}:${globalId}`;
