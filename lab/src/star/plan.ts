import { LabError } from '../errors.ts';
import type { SiteFacts } from '../engine/types.ts';
import { siteSpecs, type SiteSpec } from '../topology/load.ts';
import type { Topology } from '../topology/schema.ts';

export type NodeNumber = 1 | 2;

/** One Keystone of a star with what belongs to it alone: its database, its key repositories, its agent. */
export interface StarNode {
  /** As its agent is enrolled. */
  readonly name: string;
  readonly site: SiteSpec;
  readonly number: NodeNumber;
  readonly role: 'master' | 'replica';
  /** Whether the first initialization leaves it empty. */
  readonly joining: boolean;
  /** The master site that feeds it. */
  readonly source: string | undefined;
}

export const keystonePort = (n: NodeNumber): number => 5010 + n;
export const databasePort = (n: NodeNumber): number => 3310 + n;
/** Where the node's agent says whether it may serve. */
export const readyPort = (n: NodeNumber): number => 5020 + n;
export const configDir = (n: NodeNumber): string => `/etc/keystone-${String(n)}`;
export const dataDir = (n: NodeNumber): string => `/var/lib/mariadb-${String(n)}`;
export const keyFolder = (n: NodeNumber, kind: 'fernet' | 'credential'): string => `${configDir(n)}/${kind}-keys`;
export const socketOf = (n: NodeNumber): string => `/run/mariadb-${String(n)}/mariadbd.sock`;

export function starOf(topology: Topology): NonNullable<Topology['star']> {
  if (!topology.star) throw new LabError('LAB_TOPOLOGY', `${topology.name} is no star`);
  return topology.star;
}

export function starNodes(topology: Topology): StarNode[] {
  const star = starOf(topology);
  return siteSpecs(topology).flatMap((site) => {
    const role = star.masters.includes(site.name) ? 'master' : 'replica';
    return ([1, 2] as const)
      .filter((n) => site.components.includes(`keystone-${n}`))
      .map((number): StarNode => ({
        name: `${site.name}-${String(number)}`, site, number, role, joining: star.joining.includes(site.name),
        source: role === 'master' ? undefined : star.masters[number - 1],
      }));
  });
}

export function nodeOf({ topology, site }: SiteFacts, number: NodeNumber): StarNode {
  const found = starNodes(topology).find((n) => n.site.name === site.name && n.number === number);
  if (!found) throw new LabError('LAB_TOPOLOGY', `${site.name} has no Keystone ${String(number)}`);
  return found;
}

/** The star's master sites, in the topology's order. */
export function masterSites(topology: Topology): SiteSpec[] {
  const specs = siteSpecs(topology);
  return starOf(topology).masters.flatMap((name) => specs.filter((s) => s.name === name));
}
