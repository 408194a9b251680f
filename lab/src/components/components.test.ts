import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import type { SiteFacts } from '../engine/types.ts';
import { catalogue } from '../seed/catalogue.ts';
import { seedSteps } from '../seed/tenancy.ts';
import { loadTopology, siteSpecs } from '../topology/load.ts';
import { components } from './index.ts';
import { rabbitHash } from './rabbitmq.ts';

const { topology } = loadTopology('two-site', fileURLToPath(new URL('../../topologies', import.meta.url)));
const asked: string[] = [];
const facts: SiteFacts = {
  topology,
  site: siteSpecs(topology)[0] ?? (undefined as never),
  secrets: {
    get: (name) => {
      asked.push(name);
      return `SECRET-${name.replaceAll('/', '-')}`;
    },
    uuid: () => '00000000-0000-4000-8000-000000000000',
  },
};
const all = Object.values(components);

describe('components', () => {
  it('every need names a step or a service, and no name is used twice', () => {
    const parts = [...all.flatMap((c) => [...c.init, ...c.services]), catalogue, ...seedSteps({})];
    const names = parts.map((p) => p.name);
    expect(new Set(names).size).toBe(names.length);
    for (const part of parts) for (const need of typeof part.needs === 'function' ? part.needs(facts) : part.needs) expect(names, `${part.name} needs ${need}`).toContain(need);
  });

  it('no password is in a command line or its environment', () => {
    for (const service of all.flatMap((c) => c.services)) expect(JSON.stringify([service.command(facts), service.env?.(facts)])).not.toContain('SECRET');
  });

  it('a file with a password is not for everyone to read', () => {
    const files = all.flatMap((c) => c.files(facts));
    const secret = files.filter((f) => f.content.includes('SECRET'));
    expect(secret.length).toBeGreaterThan(5);
    for (const file of secret) expect((file.mode ?? 0o644) & 0o007, file.path).toBe(0);
    // A site knows its own passwords, and the one of its user at the Swift of another.
    expect([...new Set(asked.filter((name) => !name.startsWith('site1/')))]).toEqual(['site2/user/swift-backup']);
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
