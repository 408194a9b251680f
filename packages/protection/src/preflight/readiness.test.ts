import type { Clock } from '../deps.ts';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../schemas.ts';
import { fetchImages, needsOf, readinessWarnings, type RecoveryResources } from './readiness.ts';
import type { ServerRecord } from '../inventory/types.ts';

const project = { name: 'vnf', domain: 'Default' };
const server = (name: string, more: Partial<ServerRecord> = {}): ServerRecord => ({
  id: name, name, order: 0, host: 'h', status: 'ACTIVE', imageBooted: false, flavor: { name: 'small', vcpus: 1, ramMiB: 1, ephemeralGiB: 0, swapMiB: 0 }, configDrive: false, metadata: {}, tags: [],
  ports: [{ id: 'p', name: 'p', mac: 'm', network: 'n', addresses: [], securityGroups: ['web'], portSecurity: true, allowedAddressPairs: [] }],
  volumes: [{ id: 'v', name: 'v', sizeGiB: 1, type: 't', device: '/dev/vda', imageName: 'base', bootIndex: 0, deleteOnTermination: false, imageMetadata: {}, metadata: {} }],
  ...more,
});
const needs = needsOf(project, 'site1', 'site2', [server('a', { keyName: 'ops', owner: { name: 'u', domain: 'd' } }), server('b')]);
const clock: Clock = { now: () => new Date(0), sleep: (_ms, signal) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('over')))) };
const deps = (resources: Partial<RecoveryResources>, state = 'up') =>
  ({ resources: { lacking: () => Promise.resolve({ missing: [] }), fetch: () => Promise.resolve([]), ...resources }, sites: { health: () => ({ state }) }, clock }) as unknown as Parameters<typeof readinessWarnings>[0];
const lacking = { missing: [{ what: 'security group', name: 'web', reason: 'it differs in rules' }, { what: 'flavor', name: 'small', reason: 'it is not there' }], repair: 'godwit ready --repair' };

describe('what a recovery needs beside the data', () => {
  it('is asked for once, by name', () => {
    expect(needs).toMatchObject({ flavors: ['small'], securityGroups: ['web'], images: ['base'], keypairs: [{ name: 'ops', owner: { name: 'u' } }] });
  });

  it('is told as warnings, with the command that mends it; not what is refused already', async () => {
    const refused: Finding[] = [{ code: 'GW_FLAVOR_UNMAPPED', site: 'site2', resource: 'flavor small', message: '' }];
    expect(await readinessWarnings(deps({ lacking: () => Promise.resolve(lacking) }), needs, refused)).toMatchObject([{ code: 'GW_RECOVERY_SITE_DIFFERS', site: 'site2', resource: 'security group web', action: 'godwit ready --repair' }]);
  });

  it('keeps nothing back: neither what fails, nor a site that is lost, nor one that does not answer', async () => {
    expect(await readinessWarnings(deps({ lacking: () => Promise.reject(new Error('broken')) }), needs, [])).toMatchObject([{ code: 'GW_READINESS_UNKNOWN' }]);
    expect(await readinessWarnings(deps({ lacking: () => Promise.resolve(lacking) }, 'down'), needs, [])).toEqual([]);
    const late = { ...deps({ lacking: () => new Promise(() => undefined) }), clock: { ...clock, sleep: () => Promise.resolve() } };
    expect(await readinessWarnings(late, needs, [])).toMatchObject([{ code: 'GW_READINESS_UNKNOWN', message: expect.stringContaining('10 s') as string }]);
    const logs: string[] = [];
    await fetchImages(deps({ fetch: () => Promise.reject(new Error('broken')) }), needs, { log: (m) => void logs.push(m) });
    expect(logs).toEqual(['images could not be asked for: broken']);
  });
});
