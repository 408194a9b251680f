import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import type { SiteFacts } from '../engine/types.ts';
import { catalogue } from '../seed/catalogue.ts';
import { seedSteps } from '../seed/tenancy.ts';
import { loadTopology, siteSpecs } from '../topology/load.ts';
import { allComponents } from '../engine/components.ts';
import { components } from './index.ts';
import { rabbitHash } from './rabbitmq.ts';

const topologies = ['two-site', 'identity-star', 'replication'].map((name) => loadTopology(name, fileURLToPath(new URL('../../topologies', import.meta.url))).topology);
const asked: string[] = [];
const secrets = {
  get: (name: string) => {
    asked.push(name);
    return `SECRET-${name.replaceAll('/', '-')}`;
  },
  uuid: () => '00000000-0000-4000-8000-000000000000',
};
/** Every site of every topology, with the components that it has. */
const sites = topologies.flatMap((topology) =>
  siteSpecs(topology).map((site) => {
    const facts: SiteFacts = { topology, site, secrets };
    return { facts, has: [...site.components, ...site.onDemand].map((name) => allComponents[name]), seeds: topology.star ? [] : [catalogue, ...seedSteps({})] };
  }),
);
const facts = sites[0]?.facts ?? (undefined as never);
const partsOf = ({ has, seeds }: (typeof sites)[number]) => [...has.flatMap((c) => [...c.init, ...c.services]), ...seeds];

describe('components', () => {
  it('every need names a step or a service of some site, and in a site no name is used twice', () => {
    const known = new Set(sites.flatMap((s) => partsOf(s).map((p) => p.name)));
    const places = new Set(sites.flatMap((s) => partsOf(s).map((p) => `${s.facts.site.name}/${p.name}`)));
    for (const s of sites) {
      const names = partsOf(s).map((p) => p.name);
      expect(new Set(names).size, s.facts.site.name).toBe(names.length);
      for (const part of partsOf(s))
        for (const need of typeof part.needs === 'function' ? part.needs(s.facts) : part.needs) expect(need.includes('/') ? places : known, `${part.name} needs ${need}`).toContain(need);
    }
  });

  it('no password is in a command line or its environment', () => {
    for (const s of sites) for (const service of s.has.flatMap((c) => c.services)) expect(JSON.stringify([service.command(s.facts), service.env?.(s.facts)])).not.toContain('SECRET');
  });

  it('a file with a password is not for everyone to read', () => {
    for (const s of sites) {
      asked.length = 0;
      const secret = s.has.flatMap((c) => c.files(s.facts)).filter((f) => f.content.includes('SECRET'));
      for (const file of secret) expect((file.mode ?? 0o644) & 0o007, file.path).toBe(0);
      // A site knows its own passwords, those of the catalogue it shares, and those of its users elsewhere: at another's Swift, and in
      // the catalogue of which its second Glance is a region.
      const { name, realm } = s.facts.site;
      const elsewhere: Record<string, string[]> = { site1: ['site2/user/swift-backup'], site2: ['site1/user/glance'] };
      expect([...new Set(asked)].filter((x) => !x.startsWith(`${name}/`) && !x.startsWith(`${realm}/`)), name).toEqual(elsewhere[name] ?? []);
    }
  });

  it("the compute node's file names no database", () => {
    const compute = components.nova.files(facts).find((f) => f.path.endsWith('nova-compute.conf'));
    expect(compute?.content).toContain('virt_type = qemu');
    expect(compute?.content).not.toContain('mysql');
  });

  it("the broker's hash of a password can be checked with its salt, and does not hold the password", () => {
    const bytes = Buffer.from(rabbitHash('secret'), 'base64');
    expect(bytes.length).toBe(36);
    expect(rabbitHash('secret')).toBe(rabbitHash('secret'));
    expect(rabbitHash('secret')).not.toBe(rabbitHash('secret2'));
  });
});
