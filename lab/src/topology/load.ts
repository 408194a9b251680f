import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { LabError, messageOf } from '../errors.ts';
import { topologySchema, type AnyComponentName, type ComponentName, type Topology } from './schema.ts';

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
  readonly onDemand: readonly AnyComponentName[];
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

function yaml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new LabError('LAB_TOPOLOGY', `${file}: not YAML: ${messageOf(error)}`, { cause: error });
  }
}

/** Checks a topology's text; an error names the file and every wrong place in it. */
export const parseTopology = (text: string, file: string): Topology => check(yaml(text, file), file);

function check(data: unknown, file: string): Topology {
  const result = topologySchema.safeParse(data);
  if (!result.success) throw new LabError('LAB_TOPOLOGY', `${file}:\n${result.error.issues.map((i) => `  ${describe(i)}`).join('\n')}`);
  return result.data;
}

const extension = z.strictObject({
  name: z.string(),
  extends: z.string(),
  /** Further components that run on demand. */
  sites: z.record(z.string(), z.strictObject({ onDemand: z.array(z.string()) })),
  mirroring: z.unknown(),
});

export interface LoadedTopology {
  readonly topology: Topology;
  readonly file: string;
  /** What decides a first initialization: of a topology that extends another, that one's text and name. */
  readonly text: string;
  readonly initializedAs: string;
}

/** What is added to another topology, all of it on demand: so it begins from what was initialized for that one. */
function extended(data: unknown, file: string, directory: string): LoadedTopology {
  const result = extension.safeParse(data);
  if (!result.success) throw new LabError('LAB_TOPOLOGY', `${file}:\n${result.error.issues.map((i) => `  ${describe(i)}`).join('\n')}`);
  const { name, extends: of, sites, mirroring } = result.data;
  const base = loadTopology(of, directory);
  const unknown = Object.keys(sites).filter((s) => !Object.hasOwn(base.topology.sites, s));
  if (unknown.length > 0) throw new LabError('LAB_TOPOLOGY', `${file}:\n  sites: ${of} has no ${unknown.join(', ')}`);
  const merged = Object.fromEntries(Object.entries(base.topology.sites).map(([s, site]) => [s, { ...site, onDemand: [...site.onDemand, ...(sites[s]?.onDemand ?? [])] }]));
  return { ...base, file, topology: check({ ...base.topology, name, sites: merged, ...(mirroring === undefined ? {} : { mirroring }) }, file) };
}

/** Loads by name (a file of lab/topologies) or by path. */
export function loadTopology(nameOrPath: string, directory: string): LoadedTopology {
  const file = nameOrPath.includes('/') || nameOrPath.endsWith('.yaml') ? nameOrPath : join(directory, `${nameOrPath}.yaml`);
  if (!existsSync(file)) {
    const known = existsSync(directory) ? readdirSync(directory).map((f) => f.replace(/\.yaml$/, '')) : [];
    throw new LabError('LAB_TOPOLOGY', `there is no topology ${nameOrPath} (${file}); known: ${known.join(', ')}`);
  }
  const text = readFileSync(file, 'utf8');
  const data = yaml(text, file);
  if (typeof data === 'object' && data !== null && 'extends' in data) return extended(data, file, directory);
  return { topology: check(data, file), text, file, initializedAs: nameOrPath };
}
