import type { RbdImage, RbdSnapshot } from '../cinder/rbd-state.ts';
import type { Site } from '../core/site.ts';
import { copyOf } from '../storage/sparse.ts';
import { Pool } from './images.ts';

/** From a mirror snapshot until the other side has it (a real one with little in it: 2 to 3 s). */
const SHIPPING_MS = 2_000;
/** A resync deletes at once and copies anew (a real one: 10 to 40 s): until then there is no image. */
const RESYNC_MS = 8_000;

/** How long rbd-mirror holds a copy that was promoted by force in journal mode (a real one whose peer is dead: until it is restarted). */
export const LOCKED_MS = 3_000;

export const daemon = 'rbd-mirror';

/**
 * What a site's rbd-mirror has done by now. Nothing runs by itself: what would have been shipped is put in place when somebody looks, as long
 * as both sites live and reach each other.
 */
export function advance(site: Site): void {
  if (!site.running(daemon)) return;
  for (const name of Object.keys(site.topology.sites)) {
    const peer = name === site.name ? undefined : site.peer(name);
    if (peer?.alive !== true || !site.reaches(name)) continue;
    const [here, there] = [new Pool(site), new Pool(peer)];
    for (const [source, image] of [...there.state.rbdImages]) if (image.mirror?.primary === true || image.snapshots.some((s) => s.mirror?.state === 'demoted')) follow(here, there, source, image);
  }
}

function follow(here: Pool, there: Pool, source: string, image: RbdImage): void {
  const { mirror } = image;
  if (!mirror) return;
  const now = here.site.clock.now();
  const age = (s: RbdSnapshot): number => (now - s.takenAt) * here.site.clock.speed;
  const newest = image.snapshots.findLast((s) => s.mirror !== undefined && s.mirror.state !== 'non-primary' && age(s) >= SHIPPING_MS);
  if (!newest?.mirror) return;
  let [name, copy] = here.withId(mirror.globalId) ?? [];
  if (copy?.mirror && copy.mirror.primary) return;
  if (copy?.mirror?.split === true && !copy.mirror.resync) return;
  const { anew } = here.state.rbdFacts;
  if (name !== undefined && copy?.mirror?.resync === true) {
    here.remove(name);
    anew.set(mirror.globalId, now + RESYNC_MS / here.site.clock.speed);
    [name, copy] = [undefined, undefined];
  }
  // Given up here after it was given up there: the other side follows, not this one.
  const given = copy?.snapshots.findLast((s) => s.mirror?.state === 'demoted');
  if (given && given.takenAt >= newest.takenAt) return;
  if ((anew.get(mirror.globalId) ?? 0) > now) return;
  anew.delete(mirror.globalId);
  if (copy && mirror.mode === 'snapshot' && copy.snapshots.some((s) => s.mirror?.primarySnapId === newest.id)) return;
  // In journal mode a rename is replayed like any write; otherwise the name comes with the next snapshot.
  const wanted = mirror.mode === 'journal' ? source : newest.mirror.imageName;
  // In journal mode every write is on its way at once.
  const data = mirror.mode === 'journal' && mirror.primary ? there.data(source) : newest.data;
  if (name !== undefined && name !== wanted) here.rename(name, wanted);
  here.put(wanted, copyOf(data ?? newest.data));
  const made = here.image(wanted);
  made.mirror = { mode: mirror.mode, globalId: mirror.globalId, primary: false, resync: false, split: false };
  for (const key of Object.keys(made.meta)) delete made.meta[key];
  Object.assign(made.meta, image.meta);
  const users = image.snapshots.filter((s) => s.mirror === undefined && (mirror.mode === 'journal' || s.id <= newest.id));
  made.snapshots = [
    ...users.map((s) => made.snapshots.find((x) => x.mirror === undefined && x.name === s.name) ?? { ...s, id: here.state.rbdFacts.nextId++, data: copyOf(s.data) }),
    ...(mirror.mode === 'snapshot' ? [{ id: here.state.rbdFacts.nextId++, name: `.mirror.non_primary.${mirror.globalId}`, data: copyOf(newest.data), takenAt: now, mirror: { state: 'non-primary' as const, primarySnapId: newest.id, imageName: wanted } }] : []),
  ];
}

/** Whether the other side has given the image up, and all of it is here. */
export function handedOver(site: Site, globalId: string): boolean {
  for (const name of Object.keys(site.topology.sites)) {
    const peer = name === site.name ? undefined : site.peer(name);
    if (peer?.alive !== true || !site.reaches(name)) continue;
    const found = new Pool(peer).withId(globalId);
    const demoted = found?.[1].snapshots.findLast((s) => s.mirror?.state === 'demoted');
    if (!found || found[1].mirror?.primary === true || !demoted) continue;
    const here = new Pool(site).withId(globalId)?.[1];
    return here?.mirror?.mode === 'journal' || here?.snapshots.some((s) => s.mirror?.primarySnapId === demoted.id) === true;
  }
  return false;
}
