import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';
import type { z } from 'zod';

import { LabError, messageOf } from '../errors.ts';
import { topologySchema, type ComponentName, type Topology } from './schema.ts';

/** A site with everything that follows from its line in the topology. */
export interface SiteSpec {
  readonly name: string;
  /** Whose passwords its users have: its own, or in a star those of the one Keystone catalogue. */
  readonly realm: string;
  readonly index: number;
  readonly hypervisor: string;
  readonly ip: string;
  readonly underlayIp: string;
  readonly prefixLength: number;
  readonly underlayPrefixLength: number;
  readonly components: readonly ComponentName[];
  /** Components whose services `up` leaves alone. */
  readonly onDemand: readonly ComponentName[];
}

/** Host part .INDEX.10 in a /16. */
function address(cidr: string, index: number): { ip: string; prefixLength: number } {
  const [base = '', bits = ''] = cidr.split('/');
  const bytes = base.split('.');
  return { ip: `${bytes[0] ?? ''}.${bytes[1] ?? ''}.${String(index)}.10`, prefixLength: Number(bits) };
}

export function siteSpecs(topology: Topology): SiteSpec[] {
  return Object.entries(topology.sites).map(([name, site]) => {
    const management = address(topology.wan.management, site.index);
    const underlay = address(topology.wan.underlay, site.index);
    return {
      name,
      realm: topology.star ? 'star' : name,
      index: site.index,
      hypervisor: site.hypervisor,
      ip: management.ip,
      underlayIp: underlay.ip,
      prefixLength: management.prefixLength,
      underlayPrefixLength: underlay.prefixLength,
      components: site.components ?? topology.components,
      onDemand: site.onDemand,
    };
  });
}

const describe = (issue: z.core.$ZodIssue): string => `${issue.path.length === 0 ? '(top)' : issue.path.map(String).join('.')}: ${issue.message}`;

/** Checks a topology's text; an error names the file and every wrong place in it. */
export function parseTopology(text: string, file: string): Topology {
  let data: unknown;
  try {
    data = parse(text);
  } catch (error) {
    throw new LabError('LAB_TOPOLOGY', `${file}: not YAML: ${messageOf(error)}`, { cause: error });
  }
  const result = topologySchema.safeParse(data);
  if (!result.success) throw new LabError('LAB_TOPOLOGY', `${file}:\n${result.error.issues.map((i) => `  ${describe(i)}`).join('\n')}`);
  return result.data;
}

/** Loads by name (a file of lab/topologies) or by path. */
export function loadTopology(nameOrPath: string, directory: string): { topology: Topology; text: string; file: string } {
  const file = nameOrPath.includes('/') || nameOrPath.endsWith('.yaml') ? nameOrPath : join(directory, `${nameOrPath}.yaml`);
  if (!existsSync(file)) {
    const known = existsSync(directory) ? readdirSync(directory).map((f) => f.replace(/\.yaml$/, '')) : [];
    throw new LabError('LAB_TOPOLOGY', `there is no topology ${nameOrPath} (${file}); known: ${known.join(', ')}`);
  }
  const text = readFileSync(file, 'utf8');
  return { topology: parseTopology(text, file), text, file };
}
