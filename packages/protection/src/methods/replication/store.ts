import { at, toGodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../../deps.ts';
import { labels } from '../../names.ts';
import { byPlace } from '../../replication/held.ts';
import { driverOf, imageOf } from '../../replication/places.ts';
import type { Finding, Group, RecoveryPoint } from '../../schemas.ts';
import type { PointData, PointStore } from '../types.ts';
import { deleteRecovered, recoverVolume } from './recover.ts';
import { placeOf, placesOf, type Placed } from './where.ts';

/** Copies that the storage keeps at the recovery site; a point is a mark in each of them. */
export const replicaStore: PointStore = {
  afterFence: true,
  checks(deps, group, point) {
    const site = point.recoverySite;
    return point.volumes.map((v) => ({ site, resource: `volume ${v.name || v.volumeId}`, run: () => at(site, () => lookAtCopy(deps, group, point, v)) }));
  },
  prove: sameBytes,
  restoreVolume: recoverVolume,
  deleteRestored: deleteRecovered,
  remove: removeMarks,
};

async function lookAtCopy(deps: Deps, group: Pick<Group, 'id'>, point: PointData, volume: PointData['volumes'][number]): Promise<Finding[]> {
  const { replica } = volume;
  const base = { site: point.recoverySite, resource: `volume ${volume.name || volume.volumeId}` };
  const broken = (why: string): Finding[] => [{ ...base, code: 'GW_REPLICA_BROKEN', message: `${point.recoverySite}: the copy of volume ${volume.name || volume.volumeId} cannot be used: ${why}`, action: 'Recover from another recovery point, or protect again.' }];
  if (!replica) return broken('nothing is recorded of it');
  const driver = driverOf(deps);
  const place = await placeOf(deps, point.recoverySite, replica, 'cluster');
  const [copy] = await driver.status(place, [replica.image]);
  if (!copy?.found) return broken(`there is no image ${replica.pool}/${replica.image}`);
  if (copy.mirror?.globalId !== replica.globalId) return broken(`image ${replica.image} is not the one that was recorded`);
  if (copy.group !== group.id) return broken(`image ${replica.image} belongs to ${copy.group === undefined ? 'no group' : 'another group'}`);
  if (!driver.holds(copy, point.id, replica.ships)) return broken('it does not hold this point');
  return [];
}

/** Reads the point at both sites and compares: a copy that follows need not have the bytes (it was seen not to, after a resync). */
async function sameBytes(deps: Deps, group: Pick<Group, 'id'>, point: RecoveryPoint, volume: PointData['volumes'][number], s: StepContext): Promise<Finding[]> {
  const { replica } = volume;
  if (!replica) return [];
  const driver = driverOf(deps);
  s.progress({ phase: 'Comparing', item: volume.name || volume.volumeId });
  const [there, here] = await Promise.all(([[point.recoverySite, 'cluster'], [point.sourceSite, 'peer']] as const).map(async ([site, side]) =>
    (await driver.sums({ place: await placeOf(deps, site, replica, side), group: group.id, images: [replica.image] }, point.id, s.signal)).get(replica.image)));
  if (there !== undefined && there === here) return [];
  const what = volume.name || volume.volumeId;
  return [{ code: 'GW_REPLICA_BROKEN', site: point.recoverySite, resource: `volume ${what}`, message: `${point.recoverySite}: the copy of volume ${what} has other bytes than ${point.sourceSite} as of recovery point ${point.sequence}`, action: 'Do not use this point. Make the copy anew (end the mirroring of the image and protect again).' }];
}

/**
 * Marks are taken away where the images are primary: their copies follow. The last point takes the mirroring with it: it is either a purge, or
 * the group has another method now.
 */
async function removeMarks(deps: Deps, group: Group, point: RecoveryPoint, signal: AbortSignal): Promise<void> {
  if (point.volumes.length === 0) return;
  const driver = driverOf(deps);
  const last = !(await deps.store.points(group.id)).some((p) => p.id !== point.id && p.volumes.some((v) => v.replica));
  let primary = 0;
  let unreached: unknown;
  for (const [site, side] of [[point.sourceSite, 'peer'], [point.recoverySite, 'cluster']] as const) {
    try {
      for (const held of byPlace(group.id, await imagesNow(deps, group, site, point, side))) {
        const mine = (await driver.status(held.place, held.images, signal)).filter((i) => i.group === group.id && i.mirror?.primary === true).map((i) => i.image);
        primary += mine.length;
        if (mine.length === 0) continue;
        await driver.unmark({ ...held, images: mine }, point.id, signal);
        if (last) await driver.disable({ ...held, images: mine }, signal);
      }
    } catch (error) {
      unreached = error;
    }
  }
  // Where they are primary nobody could be asked: the point's marks would stay for ever.
  if (primary === 0 && unreached !== undefined) throw toGodwitError(unreached, { resource: `recovery point ${point.sequence}` });
}

/** As they are called now: a recovery may have given them the names of other volumes since. */
async function imagesNow(deps: Deps, group: Group, site: string, point: RecoveryPoint, side: 'cluster' | 'peer'): Promise<Placed[]> {
  const placed = await placesOf(deps, site, point, side);
  const cloud = deps.sites.get(site).asProject(group.project);
  const made = (await at(site, () => cloud.volume.volumes.list())).filter((v) => v.metadata[labels.group] === group.id);
  return placed.flatMap((p) => [p, ...made.filter((v) => v.metadata[labels.origin] === p.volumeId).map((v) => ({ ...p, image: imageOf(v) }))]);
}
