import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import { loadTopology, parseTopology, siteSpecs } from './load.ts';

const directory = fileURLToPath(new URL('../../topologies', import.meta.url));
const file = `${directory}/two-site.yaml`;
const text = readFileSync(file, 'utf8');

/** The two-site topology with one thing changed. */
function changed(change: (data: Record<string, any>) => void): string { // eslint-disable-line @typescript-eslint/no-explicit-any
  const data = parse(text) as Record<string, unknown>;
  change(data);
  return stringify(data);
}

describe('topology', () => {
  it('two-site: addresses follow from the index', () => {
    const { topology } = loadTopology('two-site', directory);
    expect(siteSpecs(topology).map((s) => [s.name, s.ip, s.underlayIp, s.prefixLength, s.hypervisor])).toEqual([
      ['site1', '10.20.1.10', '10.21.1.10', 16, 'site1-c1'],
      ['site2', '10.20.2.10', '10.21.2.10', 16, 'site2-c1'],
    ]);
    expect(siteSpecs(topology).map((s) => s.onDemand)).toEqual([['swift-backup'], ['swift', 'swift-backup', 'glance-shared']]);
  });

  it.each([
    ['an unknown key', (d) => (d['colour'] = 'red'), 'colour'],
    ['two sites with one index', (d) => (d['sites'].site2.index = 1), 'sites.site2.index'],
    ['an index beyond an address byte', (d) => (d['sites'].site2.index = 300), 'sites.site2.index'],
    ['an unknown component', (d) => d['components'].push('heat'), 'components.12'],
    ['a component on demand that always runs', (d) => (d['sites'].site1.onDemand = ['cinder']), 'sites.site1.onDemand.0'],
    ['backups in the Swift of a site without one', (d) => (d['cinder'].swiftBackup.site = 'site1'), 'cinder.swiftBackup.site'],
    ['a cinder-backup for Swift that names none', (d) => delete d['cinder'].swiftBackup, 'cinder.swiftBackup'],
    ['a role in an unknown project', (d) => (d['users'].tenant.roles[0].project = 'nowhere'), 'users.tenant.roles.0.project'],
    ['a network of an unknown project', (d) => (d['networks'][0].project = 'nowhere'), 'networks.0.project'],
    ['a cloud of an unknown user', (d) => (d['clouds'][0].user = 'nobody'), 'clouds.0.user'],
    ['a site named as a place of the lab', (d) => (d['sites'].ops = { index: 9, hypervisor: 'x1' }), 'sites.ops'],
    ['a bad address', (d) => (d['wan'].ops = '10.20.0'), 'wan.ops'],
  ] satisfies [string, (d: Record<string, any>) => unknown, string][])('refuses %s, naming file and place', (_, change, place) => { // eslint-disable-line @typescript-eslint/no-explicit-any
    expect(() => parseTopology(changed(change), file)).toThrow(new RegExp(`two-site\\.yaml:[^]*${place.replaceAll('.', '\\.')}`));
  });

  it('names the file of text that is not YAML, and lists what there is for an unknown name', () => {
    expect(() => parseTopology('a: [', 'x.yaml')).toThrow(/^x\.yaml: not YAML/);
    expect(() => loadTopology('ten-site', directory)).toThrow(/no topology ten-site.*two-site/);
  });
});
