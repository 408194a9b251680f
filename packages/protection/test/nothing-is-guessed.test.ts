import { projectKey, projectOf } from '@godwit/sites';
import { beforeEach, describe, expect, it } from 'vitest';
import { findGroup, findPoint } from '../src/access.ts';
import { rebuildProject } from '../src/catalog/rebuild.ts';
import { verifyChain } from '../src/cinder/chain.ts';
import { resolveMembers } from '../src/inventory/resolve.ts';
import { readManifest } from '../src/manifest/store.ts';
import { findAll } from '../src/preflight/findings.ts';
import { protectPreflight } from '../src/preflight/protect.ts';
import { shortages, withTypes } from '../src/preflight/quota.ts';
import { recoverPreflight } from '../src/recover/assess.ts';
import { usableNetwork } from '../src/recover/network.ts';
import type { Caller } from '../src/service-types.ts';
import { type Store } from '../src/store/store.ts';
import { aGroup, aManifest, aPoint, fails, project, uuid, world, type World } from './fake-world.ts';

let w: World;
beforeEach(() => {
  w = world();
});
const codes = (findings: readonly { readonly code: string }[]): string[] => findings.map((f) => f.code).sort();
const other = { name: 'other', domain: 'Default' };
const caller = (p: typeof project | undefined, admin = false): Caller => ({ userId: 'u', userName: 'u', admin, ...(p ? { project: p } : {}) });

describe('a chain', () => {
  const verify = (...chain: string[]) => verifyChain('site2', w.site2.cloud(), chain);
  const broken = (why: RegExp) => expect.objectContaining({ code: 'GW_CHAIN_BROKEN', kind: 'terminal', site: 'site2', message: expect.stringMatching(why) as string }) as unknown;

  it('is whole when each backup is there and the child of the one before', async () => {
    w.site2.addBackup('full');
    w.site2.addBackup('inc', 'full', { status: 'restoring' });
    await expect(verify('full', 'inc')).resolves.toBeUndefined();
  });

  it('is broken by a missing ancestor, a wrong parent, a first one that is not full, and none at all', async () => {
    w.site2.addBackup('full');
    w.site2.addBackup('inc', 'elsewhere');
    await expect(verify('gone', 'inc')).rejects.toEqual(broken(/1 of 2 .*gone/));
    await expect(verify('full', 'inc')).rejects.toEqual(broken(/depends on elsewhere, not on full/));
    await expect(verify('inc')).rejects.toEqual(broken(/depends on elsewhere, not on none/));
    await expect(verify()).rejects.toEqual(broken(/empty/));
  });

  it('is not whole while it is imported, nor when it ended in error', async () => {
    w.site2.addBackup('full', undefined, { status: 'creating' });
    await expect(verify('full')).rejects.toEqual(broken(/full is creating/));
    w.site2.backups.all[0]!.status = 'error';
    await expect(verify('full')).rejects.toEqual(broken(/full is error/));
  });

  it('never leads into another project, whose backups Godwit’s user sees as well', async () => {
    w.site2.addBackup('theirs', undefined, { 'os-backup-project-attr:project_id': 'someone-else' });
    await expect(verify('theirs')).rejects.toEqual(broken(/not there: theirs/));
  });
});

describe('a manifest', () => {
  const point = aPoint(1, ['full']);
  const read = (sha256?: string) => readManifest('site2', w.site2.cloud(), point.id, sha256);

  it('that is missing, damaged or another project’s is not used', async () => {
    await expect(read()).rejects.toMatchObject({ code: 'GW_MANIFEST_MISSING' });
    w.site2.addManifest(aManifest(point), { owner: 'someone-else' });
    await expect(read()).rejects.toMatchObject({ code: 'GW_MANIFEST_MISSING' });
    w.site2.addManifest(aManifest(point), {}, true);
    await expect(read()).rejects.toMatchObject({ code: 'GW_MANIFEST_DAMAGED', message: expect.stringContaining('checksum') as string });
  });

  it('of which one copy is damaged is read from the other', async () => {
    w.site2.addManifest(aManifest(point), {}, true);
    w.site2.addManifest(aManifest(point));
    await expect(read()).resolves.toMatchObject({ point: { id: point.id } });
  });

  it('that someone else wrote, with a checksum of its own, is not the one that the catalogue knows', async () => {
    w.site2.addManifest(aManifest(point));
    await expect(read('0'.repeat(64))).rejects.toMatchObject({ code: 'GW_MANIFEST_DAMAGED' });
  });

  it('whose chains are not those of its backups is damaged, as is one of a newer version', async () => {
    const forged = { ...point, volumes: point.volumes.map((v) => ({ ...v, backupId: 'another' })) };
    w.site2.addManifest(aManifest(forged));
    await expect(read()).rejects.toMatchObject({ code: 'GW_MANIFEST_DAMAGED' });
    w.site2.images.all = [];
    w.site2.addManifest({ ...aManifest(point), version: 99 });
    await expect(read()).rejects.toMatchObject({ code: 'GW_MANIFEST_DAMAGED', message: expect.stringContaining('version 99') as string });
  });
});

describe('catalogue rebuild', () => {
  const good = aPoint(1, ['full']);
  const rebuild = () => rebuildProject(w.deps, 'site2', project);
  beforeEach(() => {
    w.site2.addBackup('full');
    w.site2.addManifest(aManifest(good));
  });

  it('reads groups and points; a damaged manifest and a broken chain are passed over and named; done twice it is the same', async () => {
    w.site2.addManifest(aManifest(aPoint(2, ['full', 'gone'])));
    w.site2.addManifest(aManifest(aPoint(3, ['full'])), {}, true);
    const first = await rebuild();
    expect(first).toMatchObject({ groups: [uuid(1)], points: [good.id] });
    expect(codes(first.findings)).toEqual(['GW_CHAIN_BROKEN', 'GW_MANIFEST_DAMAGED']);
    expect(w.store.groupsById.get(uuid(1))).toMatchObject({ epoch: 1, activeSite: 'site1', state: 'Protected' });
    expect(await rebuild()).toEqual(first);
  });

  it('keeps a group that the catalogue knows, and does not bring back a point that failed', async () => {
    await w.store.insertGroup(aGroup({ epoch: 7, state: 'Degraded' }));
    await w.store.putPoint({ ...good, state: 'Failed' });
    expect((await rebuild()).points).toEqual([]);
    expect(w.store.groupsById.get(uuid(1))).toMatchObject({ epoch: 7, state: 'Degraded' });
    expect(w.store.pointsById.get(good.id)?.state).toBe('Failed');
  });

  it('learns from the recovered servers that the group runs here, and under which epoch', async () => {
    for (const m of aGroup().members) w.site2.addServer(`new-${m.serverId}`, { metadata: { godwit_group: uuid(1), godwit_epoch: '3', godwit_origin: m.serverId } });
    await rebuild();
    expect(w.store.groupsById.get(uuid(1))).toMatchObject({ epoch: 3, activeSite: 'site2', state: 'FailedOver', members: [{ serverId: 'new-s-db' }, { serverId: 'new-s-app' }] });
  });

  it('points whose numbers were given again meanwhile get new ones, in their order', async () => {
    w.site2.addManifest(aManifest(aPoint(2, ['full'])));
    await w.store.insertGroup(aGroup());
    const since = aPoint(1, ['full'], { id: uuid(77), recoverySite: 'site1' });
    await w.store.putPoint(since);
    expect(await rebuild()).toMatchObject({ points: [good.id, aPoint(2, ['full']).id], findings: [] });
    expect((await w.store.points(uuid(1))).map((p) => p.id)).toEqual([since.id, good.id, aPoint(2, ['full']).id]);
    expect(new Set((await w.store.points(uuid(1))).map((p) => p.sequence)).size).toBe(3);
  });

  it('fences the site that the group left: whether it ever was went with the database', async () => {
    for (const m of aGroup().members) w.site2.addServer(`new-${m.serverId}`, { metadata: { godwit_group: uuid(1), godwit_epoch: '3', godwit_origin: m.serverId } });
    await rebuild();
    expect(await w.store.fences()).toMatchObject([{ groupId: uuid(1), epoch: 3, site: 'site1', servers: ['s-db', 's-app'] }]);
  });

  it('takes copies that were shut out by a later epoch for what they are', async () => {
    for (const m of aGroup().members) {
      w.site2.addServer(`old-${m.serverId}`, { status: 'SHUTOFF', locked: true, locked_reason: 'Godwit: its group is active elsewhere, epoch 5', metadata: { godwit_group: uuid(1), godwit_epoch: '3', godwit_origin: m.serverId } });
    }
    await rebuild();
    expect(w.store.groupsById.get(uuid(1))).toMatchObject({ epoch: 5, activeSite: 'site1' });
    expect(await w.store.fences()).toEqual([]);
  });

  it('does not use an epoch again of which volumes are left', async () => {
    await w.site2.volumes.create({ metadata: { godwit_group: uuid(1), godwit_epoch: '4' } });
    await rebuild();
    expect(w.store.groupsById.get(uuid(1))).toMatchObject({ epoch: 4, activeSite: 'site1' });
  });

  it('a manifest cannot speak for another project’s group, nor take a name that is taken', async () => {
    await w.store.insertGroup(aGroup({ project: other }));
    expect(await rebuild()).toMatchObject({ groups: [], points: [], findings: [{ code: 'GW_MANIFEST_DAMAGED' }] });
    expect(w.store.pointsById.size).toBe(0);
    w.store.groupsById.clear();
    await w.store.insertGroup(aGroup({ id: uuid(2) }));
    expect(await rebuild()).toMatchObject({ groups: [], points: [], findings: [{ code: 'GW_GROUP_EXISTS' }] });
  });

  it('a manifest that names another project is not this project’s', async () => {
    w.site2.images.all = [];
    w.site2.addManifest(aManifest(good, aGroup({ project: other })));
    expect(await rebuild()).toMatchObject({ groups: [], points: [], findings: [] });
  });
});

describe('access', () => {
  beforeEach(async () => {
    await w.store.insertGroup(aGroup());
    await w.store.putPoint(aPoint(1, ['full']));
  });
  const store = () => w.store as unknown as Store;

  it('what another project owns is as unknown as what is not there', async () => {
    for (const who of [caller(other), caller(undefined)]) {
      const messages = await Promise.all([uuid(1), uuid(99)].map((id) => findGroup(store(), who, id).catch((e: Error) => e.message.replace(id, 'ID'))));
      expect(messages[0]).toBe(messages[1]);
      await expect(findGroup(store(), who, 'vnf')).rejects.toMatchObject({ code: 'GW_GROUP_UNKNOWN' });
      await expect(findPoint(store(), who, uuid(101))).rejects.toMatchObject({ code: 'GW_POINT_UNKNOWN' });
    }
    await expect(findGroup(store(), caller(project), 'vnf')).resolves.toMatchObject({ id: uuid(1) });
    await expect(findPoint(store(), caller(other, true), uuid(101))).resolves.toMatchObject({ point: { sequence: 1 } });
  });

  it('of two groups of a name an administrator gets that of the own project first', async () => {
    await w.store.insertGroup(aGroup({ id: uuid(2), project: other }));
    expect((await findGroup(store(), caller(other, true), 'vnf')).id).toBe(uuid(2));
  });

  it('names with slashes do not run into each other', () => {
    const [a, b] = [{ domain: 'a/b', name: 'c' }, { domain: 'a', name: 'b/c' }];
    expect(projectKey(a)).not.toBe(projectKey(b));
    for (const p of [a, b, { domain: '100%2F', name: 'x' }]) expect(projectOf(projectKey(p))).toEqual(p);
    expect(projectKey(project)).toBe('Default/vnf');
  });

  it('never plugs a member into another project’s network of the same name', async () => {
    w.site2.networks.all = [];
    await w.site2.networks.create({ id: 'theirs', name: 'vnf-net', project_id: 'someone-else', shared: false });
    expect(await usableNetwork(w.site2.cloud(), 'vnf-net')).toBeUndefined();
    await w.site2.networks.create({ id: 'shared', name: 'vnf-net', project_id: 'someone-else', shared: true });
    expect((await usableNetwork(w.site2.cloud(), 'vnf-net'))?.id).toBe('shared');
    await w.site2.networks.create({ id: 'own', name: 'vnf-net', project_id: w.site2.projectId });
    expect((await usableNetwork(w.site2.cloud(), 'vnf-net'))?.id).toBe('own');
  });
});

describe('members', () => {
  const resolve = (...names: string[]) => resolveMembers(w.deps.sites.get('site1'), project, names);
  beforeEach(() => {
    for (const [id, name] of [['1', 'db'], ['2', 'app'], ['3', 'twin'], ['4', 'twin']] as const) w.site1.addServer(id, { name });
  });

  it('are found by name or id, in the order given', async () => {
    expect(await resolve('app', '1')).toEqual([{ serverId: '2', name: 'app', order: 0 }, { serverId: '1', name: 'db', order: 1 }]);
  });

  it('that are unknown, ambiguous or named twice are refused, saying what and where', async () => {
    await expect(resolve('db', 'nobody')).rejects.toMatchObject({ code: 'GW_MEMBER_UNKNOWN', site: 'site1', resource: 'server nobody' });
    await expect(resolve('twin')).rejects.toMatchObject({ code: 'GW_MEMBER_AMBIGUOUS', action: expect.stringContaining('3, 4') as string });
    await expect(resolve('db', '1')).rejects.toMatchObject({ code: 'GW_MEMBER_TWICE' });
  });
});

describe('preflight lists all that is missing', () => {
  it('of quotas: with the numbers, per type too, and nothing of those without a limit', () => {
    const quota = { volumes: { limit: 10, inUse: 8, reserved: 1 }, gigabytes: { limit: -1, inUse: 500, reserved: 0 }, gigabytes_ceph: { limit: 20, inUse: 19, reserved: 0 }, exact: { limit: 3, inUse: 1, reserved: 0 } };
    const found = shortages('site2', 'volume', quota, withTypes({ volumes: 2, gigabytes: 9, exact: 2, unheard: 5 }, { ceph: { gigabytes: 9 } }));
    expect(found.map((f) => f.resource)).toEqual(['volume quota volumes', 'volume quota gigabytes_ceph']);
    expect(found[0]).toMatchObject({ code: 'GW_QUOTA', site: 'site2', message: expect.stringMatching(/is 10, 9 used; 2 more/) as string, action: expect.stringContaining('at least 11') as string });
  });

  it('what fails many checks in the same words is said once; a check that cannot be made is a finding', async () => {
    const check = (run: () => Promise<never[]>) => ({ site: 'site1', run });
    expect(codes(await findAll([check(() => Promise.reject(fails('OS_UNREACHABLE'))), check(() => Promise.reject(fails('OS_UNREACHABLE'))), check(() => Promise.reject(fails('OS_FORBIDDEN'))), check(() => Promise.resolve([]))]))).toEqual(['GW_SITE_FORBIDDEN', 'GW_SITE_UNREACHABLE']);
  });

  const ready = () => {
    for (const m of aGroup().members) {
      w.site1.addServer(m.serverId, { name: m.name, volumes: [{ volumeId: `v-${m.serverId}`, device: '/dev/vda' }] });
      w.site1.volumes.all.push({ id: `v-${m.serverId}`, status: 'in-use', size: 1, volume_type: 'ceph', metadata: {}, 'os-vol-host-attr:host': 'v1@ceph#p', volume_image_metadata: { hw_qemu_guest_agent: 'yes' } });
    }
  };

  it('finds nothing where nothing is missing', async () => {
    ready();
    expect((await protectPreflight(w.deps, aGroup())).findings).toEqual([]);
  });

  it('of members, volumes, quotas and the recovery site at once; one that is gone hides nothing of the others', async () => {
    ready();
    w.site1.servers.all.shift();
    Object.assign(w.site1.servers.all[0]!, { status: 'SHUTOFF', image: { id: 'i' } });
    w.site1.volumes.all[1]!.status = 'available';
    w.site2.computeServices[0]!.state = 'down';
    w.site2.quotas['backups'] = { limit: 5, inUse: 5, reserved: 0 };
    w.site1.volumeServices[0]!.status = 'disabled';
    const { findings } = await protectPreflight(w.deps, aGroup());
    expect(codes(findings)).toEqual(['GW_BACKUP_SERVICE_DOWN', 'GW_MEMBER_EPHEMERAL_ROOT', 'GW_MEMBER_NOT_RUNNING', 'GW_MEMBER_UNKNOWN', 'GW_NO_HOST', 'GW_QUOTA', 'GW_VOLUME_STATE']);
    for (const f of findings) expect(f.site).toBeTruthy();
  });

  it('a cinder-backup of another zone than the policy’s is none', async () => {
    ready();
    const base = aGroup();
    w.site1.volumeServices[0]!.zone = 'swift';
    const { findings } = await protectPreflight(w.deps, { ...base, policy: { ...base.policy, backupZone: 'swift' } });
    expect(findings.map((f) => [f.code, f.site])).toEqual([['GW_BACKUP_SERVICE_DOWN', 'site2']]);
  });

  it('a server whose host is hidden could not be frozen', async () => {
    ready();
    w.site1.servers.all[0]!['OS-EXT-SRV-ATTR:host'] = null;
    expect(codes((await protectPreflight(w.deps, aGroup())).findings)).toEqual(['GW_SITE_FORBIDDEN']);
  });

  it('of a recovery: addresses that are taken, before anything is stopped', async () => {
    const point = aPoint(1, ['full']);
    w.site2.addBackup('full');
    w.site2.addManifest(aManifest(point));
    await w.site2.ports.create({ id: 'old', network_id: 'net-site2', mac_address: 'fa:16:3e:ff:ff:ff', fixed_ips: [{ ip_address: '10.0.0.5' }], device_id: 'old-copy', device_owner: 'compute:nova' });
    const { plan, report } = await recoverPreflight(w.deps, aGroup(), 'site2', point.id);
    expect(plan).toBeUndefined();
    expect(report.findings).toMatchObject([{ code: 'GW_ADDRESS_TAKEN', resource: 'port old', message: expect.stringContaining('server old-copy') as string }]);
  });

  it('of a recovery: a manifest that is another group’s', async () => {
    const point = aPoint(1, ['full']);
    w.site2.addManifest(aManifest(point, aGroup({ id: uuid(5) })));
    expect(codes((await recoverPreflight(w.deps, aGroup(), 'site2', point.id)).report.findings)).toEqual(['GW_MANIFEST_DAMAGED']);
  });
});
