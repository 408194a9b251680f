import type { Deps } from '../../deps.ts';
import { peerSite } from '../../group-sites.ts';
import type { VolumeRecord } from '../../inventory/types.ts';
import { asFinding, type Check } from '../../preflight/findings.ts';
import { backendOf, driverOf, locate, noPeer, type Located } from '../../replication/places.ts';
import type { ImageStatus, Place } from '../../replication/types.ts';
import type { Finding, Group } from '../../schemas.ts';
import { splitBrain } from './split-brain.ts';

/** What keeps these volumes from being replicated, or their copies from following: asked of the storage itself. Changes nothing. */
export function replicationChecks(deps: Deps, group: Group, volumes: readonly VolumeRecord[]): Check[] {
  const [from, to] = [group.activeSite, peerSite(group)];
  return [{ site: from, resource: 'storage', run: () => lookAt(deps, group, from, to, volumes) }];
}

async function lookAt(deps: Deps, group: Group, from: string, to: string, volumes: readonly VolumeRecord[]): Promise<Finding[]> {
  driverOf(deps);
  const located = await locate(deps, from, to, volumes);
  const findings: Finding[] = [];
  const note = (error: unknown, site: string): void => void findings.push(asFinding(error, site));
  const pairs = new Map(located.map((l) => [`${l.source.node} ${l.source.pool}`, l]));
  for (const { source, target } of pairs.values()) {
    for (const error of unpaired(source, target)) note(error, source.site);
    await backendOf(deps, target).catch((error: unknown) => note(error, to));
  }
  for (const l of located) findings.push(...(await oneVolume(deps, group, l)));
  return findings;
}

const reads = (p: { readonly direction: string }): boolean => p.direction.startsWith('rx');

/** Both ways, so that what was failed over can come back. */
function unpaired(source: Place, target: Place): Error[] {
  const why: string[] = [];
  for (const p of [source, target]) if (!p.mirrored) why.push(`its mode at ${p.site} is not mirroring by image`);
  for (const p of [source, target]) {
    if (p.peers.length === 0) why.push(`it has no peer at ${p.site}`);
    else if (!p.peers.some(reads)) why.push(`its peer at ${p.site} is only read by the other side, so nothing comes to ${p.site}`);
  }
  return why.map((w) => noPeer(source, target.site, w));
}

async function oneVolume(deps: Deps, group: Group, { record, image, source, target }: Located): Promise<Finding[]> {
  const driver = driverOf(deps);
  const base = { site: source.site, resource: `volume ${record.id}` };
  const what = `${source.site}: volume ${record.name || record.id}`;
  const [here] = await driver.status(source, [image]);
  if (!here?.found) return [{ ...base, code: 'GW_STORAGE_IMAGE_MISSING', message: `${what}: there is no image ${source.pool}/${image}`, action: 'Look whether the volume is sound; it may have been managed at another site since.' }];
  if (here.mirror && here.group !== group.id) return [{ ...base, code: 'GW_STORAGE_NOT_OURS', message: `${what} is mirrored already, by ${here.group === undefined ? 'somebody else' : `group ${here.group}`}`, action: 'End that mirroring, or protect the group by another method.' }];
  const wanted = group.policy.mirrorMode ?? 'snapshot';
  if (here.mirror && here.mirror.mode !== wanted) return [{ ...base, code: 'GW_STORAGE_MODE', message: `${what} is mirrored in ${here.mirror.mode} mode, not ${wanted}`, action: 'Keep the mode, or end the mirroring first: its recovery points go with it.' }];
  if (here.parent !== undefined && !here.mirror) {
    const [pool, parent = ''] = here.parent.split('@')[0]?.split('/') ?? [];
    return [{ ...base, code: 'GW_STORAGE_CLONE', message: `${what} is a clone of ${here.parent}, whose image ${pool ?? ''}/${parent} is not mirrored with it`, action: 'Flatten the image (rbd flatten), or protect the group by another method.' }];
  }
  if (!here.mirror) return [];
  if (!here.mirror.primary) return [{ ...base, code: 'GW_STORAGE_NOT_PRIMARY', message: `${what} is a copy here, and cannot be written`, action: 'The group runs at a site to which its storage was not handed over: recover it where the copies are primary.' }];
  return splitFindings(group, await driver.status(target, [image, ...(record.origin === undefined ? [] : [`volume-${record.origin}`])]), here, target);
}

function splitFindings(group: Group, there: readonly ImageStatus[], here: ImageStatus, target: Place): Finding[] {
  const twin = there.find((t) => t.found && t.mirror?.globalId === here.mirror?.globalId && t.mirror?.primary === true);
  return twin ? [asFinding(splitBrain(group, target.site, twin.image), target.site)] : [];
}
