import { createHash } from 'node:crypto';

import type { SiteFacts } from '../engine/types.ts';
import { LabError } from '../errors.ts';
import type { Secrets } from '../secrets.ts';
import { siteSpecs, type SiteSpec } from '../topology/load.ts';

/** Where Cinder's volumes lie. */
export const pool = 'volumes';
/** As whom a cluster's rbd-mirror reads from the other one. */
export const peerUser = 'rbd-mirror-peer';
/** As whom it works at home. */
export const mirrorUser = 'rbd-mirror.home';
/** As whom Godwit's agent works. */
export const agentUser = 'godwit';

/** The site that this one mirrors with. */
export function peerOf({ site, topology }: SiteFacts): SiteSpec {
  const name = topology.mirroring?.find((s) => s !== site.name);
  const spec = siteSpecs(topology).find((s) => s.name === name);
  if (!spec || topology.mirroring?.includes(site.name) !== true) throw new LabError('LAB_TOPOLOGY', `${topology.name}: mirroring does not name ${site.name} and another site`);
  return spec;
}

/** A key of cephx: type 1, no time of birth, 16 bytes. Made of the lab's secrets, so that each site knows the other's without asking it. */
export function peerKey(secrets: Secrets, site: string): string {
  const head = Buffer.alloc(12);
  head.writeUInt16LE(1, 0);
  head.writeUInt16LE(16, 10);
  const secret = createHash('sha256').update(secrets.get(`${site}/ceph/${peerUser}`)).digest().subarray(0, 16);
  return Buffer.concat([head, secret]).toString('base64');
}

export const monitors = (site: SiteSpec): string => `[v2:${site.ip}:3300,v1:${site.ip}:6789]`;
