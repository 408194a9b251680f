import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { keysNeeded } from '../src/rotation-policy.ts';

const node = (name: string, port: number, more = ''): string => `{ name: ${name}, address: "h:${port}", ready: "h:${port + 1000}", database: "h:${port + 2000}"${more} }`;
const site = (role: string, port: number, nodes: string, more = ''): string => `{ role: ${role}, bind: "h:${port}", url: "http://h:${port}/v3", nodes: [${nodes}]${more} }`;
const config = (sites: string, more = ''): string => `sites: { m1: { cloud: a }, m2: { cloud: a }, s3: { cloud: a } }\nsecrets: { masterKeyFile: master.key }\nagents: { listen: "h:9" }\nidentity: { sites: { ${sites} }${more} }`;
const star = (s3: string, more = ''): string => config(`m1: ${site('master', 1, node('a', 11))}, m2: ${site('master', 2, node('b', 12))}, s3: ${site('replica', 3, s3)}`, more);
const two = `${node('c', 13)}, ${node('d', 14)}`;
const parse = (text: string) => parseConfig(text, '/etc/godwit/godwit.yaml').identity;
const refused = (text: string, why: RegExp, code = 'GW_CONFIG_INVALID'): void => expect(() => parse(text)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(why) as string }));

describe('identity in godwit.yaml', () => {
  it('is not needed', () => expect(parse('sites: { a: { cloud: a } }')).toBeUndefined());

  it('has defaults, and replicas that take turns at the masters', () => {
    const read = parse(star(`${node('c', 13)}, ${node('d', 14)}`));
    expect(read).toMatchObject({ tokens: { expirationSeconds: 3600, allowExpiredWindowSeconds: 172_800 }, fernet: { periodSeconds: 86_400, maxActiveKeys: 5 } });
    expect(read?.sites['s3']?.nodes.map((n) => n.source)).toEqual(['m1', 'm2']);
  });

  it('names what is wrong', () => {
    refused(config(`s3: ${site('replica', 3, node('c', 13))}`), /one at least must have the role master/);
    refused(config(`mars: ${site('master', 3, node('c', 13))}`), /identity\.sites\.mars: there is no site mars; sites: m1, m2, s3/);
    refused(star(node('a', 13)), /identity\.sites\.s3\.nodes\.0: name a is that of identity\.sites\.m1\.nodes\.0 already/);
    refused(star(node('c', 11)), /address h:11 is that of/);
    refused(star(node('c', 13)), /identity\.sites\.s3: a replica site needs two Keystones at least/);
    refused(star(node('c', 13, ', source: s3')), /source s3 is no master site; masters: m1, m2/);
    refused(star(`${node('c', 13, ', source: m1')}, ${node('d', 14, ', source: m1')}`), /s3: its replicas are all fed by m1/);
    refused(star(`${node('c', 13, ', serverId: 7')}, ${node('d', 14, ', serverId: 7')}`), /s3\.nodes\.1: serverId 7 is that of identity\.sites\.s3\.nodes\.0 already/);
    refused(config(`m1: ${site('master', 1, '{ name: a, address: "h:1", ready: "h:2" }')}`), /database is needed/);
    refused(config(`m1: ${site('master', 1, node('a', 11, ', source: m1'))}`), /source is for replicas/);
    refused(star(two).replace('agents: { listen: "h:9" }', ''), /identity: needs `agents`/);
    refused(star(two).replace('bind: "h:3"', 'bind: nowhere'), /identity\.sites\.s3\.bind: host:port/);
  });

  it('refuses a policy that would drop keys that living tokens need, with the arithmetic', () => {
    refused(star(two, ', fernet: { maxActiveKeys: 4 }'), /max_active_keys >= \(expiration 3600 s \+ allow_expired_window 172800 s\) \/ period 86400 s \+ 2 = 5, and it is 4/, 'GW_ROTATION_POLICY_UNSAFE');
    refused(star(two, ', fernet: { periodSeconds: 3600 }'), /= 51, and it is 5/, 'GW_ROTATION_POLICY_UNSAFE');
    expect(parse(star(two, ', fernet: { periodSeconds: 3600, maxActiveKeys: 51 }'))).toBeDefined();
  });

  it.each([
    [3600, 172_800, 86_400, 5],
    [3600, 172_800, 58_800, 5],
    [3600, 172_800, 58_799, 6],
    [3600, 0, 3600, 3],
    [3600, 0, 7200, 3],
  ])('expiration %i, window %i, period %i: %i keys', (expirationSeconds, allowExpiredWindowSeconds, periodSeconds, keys) => {
    expect(keysNeeded({ expirationSeconds, allowExpiredWindowSeconds, periodSeconds })).toBe(keys);
  });
});
