import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../src/config.ts';
import { openSites } from '../src/registry.ts';
import type { SiteRegistry } from '../src/types.ts';

const two = 'sites: { a: { cloud: a }, b: { cloud: b } }';
const refused = (text: string, why: RegExp) =>
  expect(() => parseConfig(text, '/etc/godwit.yaml')).toThrow(
    expect.objectContaining({ code: 'GW_CONFIG_INVALID', kind: 'terminal', resource: '/etc/godwit.yaml', message: expect.stringMatching(new RegExp(`^/etc/godwit.yaml: .*${why.source}`, 's')) as string }),
  );

describe('godwit.yaml', () => {
  it('resolves its paths against its own directory, and has defaults', () => {
    const config = parseConfig('sites: { a: { cloud: x, cloudsFile: clouds.yaml, rpc: { urlFile: ../rpc, caFile: /ca } } }', '/etc/godwit/godwit.yaml');
    expect(config.sites['a']).toMatchObject({ cloudsFile: '/etc/godwit/clouds.yaml', rpc: { urlFile: '/etc/rpc', caFile: '/ca' } });
    expect(config.server).toMatchObject({ listen: '127.0.0.1:8790', roles: { admin: ['admin'] } });
  });

  it('names the file and each path that is wrong', () => {
    refused('', /file: /);
    refused('sites: {}', /sites: declare at least one site/);
    refused('sites: { a: { cloud: 7, colour: red } }', /sites\.a.*cloud/);
    refused('sites: { a: { cloud: x, colour: red } }', /sites\.a: .*colour/);
    refused('sites: { "a b": { cloud: x } }', /sites/);
    refused('sites: { a: { cloud: x, rpc: { url: u, urlFile: f } } }', /sites\.a\.rpc: give one of url and urlFile/);
    refused('sites: { a: { cloud: x, rpc: {} } }', /sites\.a\.rpc: give one of url and urlFile/);
    refused(`${two}\nserver: { listen: nowhere }`, /server\.listen/);
    refused(`${two}\nmappings: [{ from: a, to: c }]`, /there is no site c; sites: a, b/);
    refused(`${two}\nagents: { listen: "*:8791" }`, /agents: .*configure secrets/);
    refused(`${two}\nsecrets: {}`, /secrets: give masterKeyFile or kmsCommand/);
    refused('sites: [unclosed', /line 1/);
  });

  it('that cannot be read is an error of the same code', async () => {
    await expect(loadConfig('/nowhere/godwit.yaml')).rejects.toMatchObject({ code: 'GW_CONFIG_INVALID', resource: '/nowhere/godwit.yaml' });
  });
});

describe('registry', () => {
  let dir: string;
  let sites: SiteRegistry;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'godwit-sites-'));
    const clouds = ['a', 'b', 'c'].map((n) => `  ${n}: { auth: { auth_url: "http://127.0.0.1:1/v3", username: u, password: s3cret, project_name: p, user_domain_name: d, project_domain_name: d } }`);
    clouds.push('  app: { auth_type: v3applicationcredential, auth: { auth_url: "http://127.0.0.1:1/v3", application_credential_id: x, application_credential_secret: s3cret } }');
    await writeFile(join(dir, 'clouds.yaml'), `clouds:\n${clouds.join('\n')}\n`);
    const site = (n: string): string => `  ${n}: { cloud: ${n}, cloudsFile: clouds.yaml }`;
    const text = `sites:\n${['a', 'b', 'c'].map(site).join('\n')}\nmappings:\n  - { from: a, to: b, flavors: { small: m1.small }, networks: { inside: tenant-net } }\n`;
    sites = await openSites(parseConfig(text, join(dir, 'godwit.yaml')), { env: {} });
  });
  afterAll(async () => {
    await sites.close();
    await rm(dir, { recursive: true });
  });

  it('maps names both ways; what is not named is called the same', () => {
    expect(sites.map('a', 'b', 'flavors', 'small')).toBe('m1.small');
    expect(sites.map('b', 'a', 'flavors', 'm1.small')).toBe('small');
    expect(sites.map('a', 'b', 'networks', 'inside')).toBe('tenant-net');
    expect(sites.map('a', 'b', 'flavors', 'inside')).toBe('inside');
    expect(sites.map('a', 'c', 'flavors', 'small')).toBe('small');
    expect(sites.map('a', 'b', 'flavors', 'constructor')).toBe('constructor');
  });

  it('an unknown site is refused, naming those there are', () => {
    expect(() => sites.get('z')).toThrow(expect.objectContaining({ code: 'GW_SITE_UNKNOWN', kind: 'terminal', action: expect.stringContaining('a, b, c') as string }));
  });

  it('a site without rpc says so when a guest is to be frozen', () => {
    expect(() => sites.get('a').rpc()).toThrow(expect.objectContaining({ code: 'GW_RPC_NOT_CONFIGURED', site: 'a' }));
  });

  it('projects whose names hold slashes do not share a client', () => {
    const site = sites.get('a');
    expect(site.asProject({ domain: 'x/y', name: 'z' })).not.toBe(site.asProject({ domain: 'x', name: 'y/z' }));
    expect(site.asProject({ domain: 'x', name: 'z' })).toBe(site.asProject({ domain: 'x', name: 'z' }));
  });

  it('an entry that clouds.yaml lacks is named, and no secret is', async () => {
    const config = parseConfig('sites: { a: { cloud: missing, cloudsFile: clouds.yaml } }', join(dir, 'godwit.yaml'));
    const error = await openSites(config, { env: {} }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'GW_CONFIG_INVALID', site: 'a', message: expect.stringContaining('missing') as string });
    expect(JSON.stringify(error)).not.toContain('s3cret');
  });

  it('an application credential, bound to one project, is refused: it would answer for every project', async () => {
    const config = parseConfig('sites: { a: { cloud: app, cloudsFile: clouds.yaml } }', join(dir, 'godwit.yaml'));
    await expect(openSites(config, { env: {} })).rejects.toMatchObject({ code: 'GW_CONFIG_INVALID', message: expect.stringContaining('use a password') as string });
  });

  it('an RPC URL file that is not there is named', async () => {
    const config = parseConfig('sites: { a: { cloud: a, cloudsFile: clouds.yaml, rpc: { urlFile: gone } } }', join(dir, 'godwit.yaml'));
    await expect(openSites(config, { env: {} })).rejects.toMatchObject({ code: 'GW_CONFIG_INVALID', message: expect.stringContaining('gone') as string });
  });
});
