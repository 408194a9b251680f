import type { WorkflowContext } from '@godwit/workflow';
import { beforeEach, describe, expect, it } from 'vitest';
import { advise } from '../src/advise/advise.ts';
import { measured, median } from '../src/advise/history.ts';
import { rebuildProject } from '../src/catalog/rebuild.ts';
import { ThawKeeper } from '../src/freeze/keeper.ts';
import type { ServerRecord } from '../src/inventory/types.ts';
import { manifestSchema } from '../src/manifest/schema.ts';
import { methodOf, methods } from '../src/methods/index.ts';
import { joined } from '../src/methods/server-image/capture.ts';
import { snapshotsOf } from '../src/methods/server-image/snapshots.ts';
import { cannotBeConsistent, consistencyFindings } from '../src/preflight/consistency.ts';
import { protectPreflight, protectReport } from '../src/preflight/protect.ts';
import { protectWorkflow } from '../src/protect/workflow.ts';
import { recoverPreflight, type RecoveryPlan } from '../src/recover/assess.ts';
import { bootServer } from '../src/recover/boot.ts';
import { changedPolicy, groupChangeSchema, policySchema, type Group, type RecoveryPoint } from '../src/schemas.ts';
import { verifyPoint } from '../src/verify.ts';
import { aGroup, aManifest, aPoint, at0, project, uuid, world, type World } from './fake-world.ts';

let w: World;
beforeEach(() => {
  w = world();
});

const byImages = (more: Partial<Group['policy']> = {}): Group => aGroup({ policy: { ...aGroup().policy, method: 'server-image', ...more } });
const server = (more: Partial<ServerRecord> = {}): ServerRecord => ({ ...(aManifest(aPoint(1, ['full'])).servers[0] as ServerRecord), ...more });
const onVolumes = (imageMetadata: Record<string, string>): ServerRecord => server({ volumes: server().volumes.map((v) => ({ ...v, imageMetadata })) });
const local = (more: Partial<ServerRecord> = {}): ServerRecord => server({ id: 's-fw', name: 'fw', order: 1, imageBooted: true, volumes: [], ports: [], imageProperties: { hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes' }, ...more });

/** A point of one member on volumes and one whose root is no volume. */
function imagedPoint(imageId = 'root-image'): { point: RecoveryPoint; manifest: ReturnType<typeof aManifest> } {
  const point = aPoint(1, ['full'], { method: 'server-image', consistency: 'none', images: [{ serverId: 's-fw', serverName: 'fw', imageId, sizeBytes: 3, hash: { algorithm: 'sha512', value: 'abc' }, diskFormat: 'qcow2' }] });
  const base = aManifest(point, byImages());
  return { point, manifest: { ...base, version: 2, servers: [...base.servers, local()], point: { ...base.point, method: 'server-image', consistency: 'none', images: point.images } } };
}

describe('running jobs survive an upgrade', () => {
  it('a journal of group-snapshot that was begun before there were methods is gone on with, step for step', async () => {
    const { method: _new, ...policy } = aGroup().policy;
    const volume = { id: 'v1', name: 'root', sizeGiB: 1, device: '/dev/vda' };
    const manifest = { imageId: 'm', sha256: 's' };
    // As version 1 wrote it.
    const journal: Record<string, unknown> = {
      prepare: { group: { ...aGroup(), policy: { ...policy, method: 'group-snapshot' } }, source: 'site1', target: 'site2', servers: [], volumes: [volume], cinderGroupId: 'g', sequence: 1, incremental: false, createdAt: at0 },
      begin: undefined, 'prove-target': undefined,
      'freeze-and-snapshot': { frozenAt: at0, windowMs: 1, snapshotMs: 1, groupSnapshotId: 'gs', snapshots: { v1: 'snap' } },
      'backup[v1]': { volumeId: 'v1', backupId: 'b' }, 'drop-snapshot': undefined, 'bring-over[v1]': { volumeId: 'v1', backupId: 'b', chain: ['b'] },
      publish: manifest, commit: { id: uuid(1) }, prune: { deleted: 0 },
    };
    const asked: string[] = [];
    const ctx = {
      jobId: 'j',
      step: (name: string) => {
        asked.push(name);
        if (!(name in journal)) throw new Error(`the journal has no step ${name}`);
        return Promise.resolve(journal[name]);
      },
      all: (name: string, items: unknown[], key: (item: never) => string) => Promise.all(items.map((item) => ctx.step(`${name}[${key(item as never)}]`))),
    };
    const keeper = new ThawKeeper();
    await protectWorkflow({ ...w.deps, keeper }).run(ctx as unknown as WorkflowContext, { groupId: uuid(1), pointId: uuid(2) });
    expect(asked).toEqual(Object.keys(journal));
  });

  it('what was written before there were methods was made by group-snapshot, and is written as before', () => {
    expect(methodOf({}).name).toBe('group-snapshot');
    expect(manifestSchema.parse(aManifest(aPoint(1, ['full']))).point.method).toBeUndefined();
    expect(policySchema.parse({})).toEqual({ method: 'group-snapshot', freezeLimitSeconds: 30, retain: 7, fullEvery: 14 });
  });
});

describe('a policy', () => {
  it('changes in what is named, and keeps the rest', () => {
    const before = policySchema.parse({ retain: 3, backupZone: 'swift' });
    expect(changedPolicy(before, groupChangeSchema.parse({ policy: { method: 'server-image' } }))).toEqual({ ...before, method: 'server-image' });
    expect(changedPolicy(before, groupChangeSchema.parse({ policy: { backupZone: null } }))).toEqual(policySchema.parse({ retain: 3 }));
    expect(groupChangeSchema.safeParse({ policy: { method: 'magic' } }).success).toBe(false);
    expect(groupChangeSchema.safeParse({ name: 'other' }).success).toBe(false);
  });

  it('that demands one moment of all members is not kept by less', () => {
    const demanding = { ...byImages({ groupConsistent: true }) };
    expect(cannotBeConsistent(demanding.policy, 2)).toBe(true);
    expect(cannotBeConsistent({ ...demanding.policy, method: 'group-snapshot' }, 2)).toBe(false);
    const strict = onVolumes({ hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes' });
    expect(consistencyFindings(demanding, [strict, strict])).toMatchObject([{ code: 'GW_METHOD_INCONSISTENT' }]);
    expect(consistencyFindings(demanding, [strict])).toEqual([]);
    expect(consistencyFindings(demanding, [local()])).toMatchObject([{ code: 'GW_METHOD_INCONSISTENT' }]);
    expect(consistencyFindings(byImages(), [strict, local()])).toEqual([]);
  });
});

describe('server-image says what its points are', () => {
  const { consistency, plan } = methods['server-image'];

  it('each server by itself only when Nova must freeze it; otherwise none', () => {
    const strict = onVolumes({ hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes' });
    expect(consistency([strict, strict])).toBe('server');
    expect(consistency([strict, onVolumes({ hw_qemu_guest_agent: 'yes' })])).toBe('none');
    expect(consistency([strict, local()])).toBe('none');
  });

  it('plainly, in its plan', () => {
    const text = plan(byImages(), [server(), local()]).join('\n');
    expect(text).toMatch(/not consistent with each other/);
    expect(text).toMatch(/root disk of fw/);
    expect(plan(byImages(), [server()]).join('\n')).not.toMatch(/each other/);
  });

  it('the point is as old as the first of its servers, and was frozen as long as the longest', () => {
    const made = [{ begunAt: '2026-01-01T00:00:05.000Z', windowMs: 9, snapshotMs: 2, snapshots: { a: '1' } }, { begunAt: '2026-01-01T00:00:01.000Z', windowMs: 3, snapshotMs: 3, snapshots: {}, imageId: 'i' }];
    expect(joined([server(), local()], made)).toEqual({ frozenAt: '2026-01-01T00:00:01.000Z', windowMs: 9, snapshotMs: 3, snapshots: { a: '1' }, images: { 's-fw': 'i' } });
  });
});

describe('an image of a server on volumes', () => {
  const image = (mapping: unknown) => ({ id: 'i', status: 'active', block_device_mapping: typeof mapping === 'string' ? mapping : JSON.stringify(mapping) }) as never;
  const read = (mapping: unknown) => snapshotsOf({ site: 'site1', cloud: { volume: { snapshots: { get: (id: string) => Promise.resolve({ id, status: 'available', volume_id: id === 'snap' ? 'v1' : 'other' }) } } } as never, clock: w.deps.clock, signal: w.step.signal }, server(), image(mapping));

  it('names the snapshot of each volume', async () => {
    await expect(read([{ source_type: 'snapshot', snapshot_id: 'snap', boot_index: 0 }, { source_type: 'blank', snapshot_id: null }])).resolves.toEqual({ v1: 'snap' });
  });

  it.each([['of another volume only', [{ source_type: 'snapshot', snapshot_id: 'x' }]], ['none', []], ['unreadable', 'no json']])('is refused when its mapping is %s', async (_what, mapping) => {
    await expect(read(mapping)).rejects.toMatchObject({ code: 'GW_SNAPSHOT_INCOMPLETE', site: 'site1' });
  });
});

describe('preflight', () => {
  const root = (more: Record<string, unknown> = {}) => {
    w.site1.addServer('s-db', { name: 'db', volumes: [{ volumeId: 'v-db', device: '/dev/vda' }] });
    w.site1.volumes.all.push({ id: 'v-db', status: 'in-use', size: 1, volume_type: 'ceph', metadata: {}, 'os-vol-host-attr:host': 'v1@ceph#p', volume_image_metadata: {} });
    w.site1.addServer('s-app', { name: 'app', image: { id: 'img' }, flavor: { original_name: 'small', vcpus: 1, ram: 64, disk: 1 }, ...more });
  };

  it('of group-snapshot names the method that reaches a root that is no volume', async () => {
    root();
    const { findings } = await protectPreflight(w.deps, aGroup());
    expect(findings.find((f) => f.code === 'GW_MEMBER_EPHEMERAL_ROOT')).toMatchObject({ resource: 'server app', action: expect.stringContaining('--method server-image') as string });
  });

  it('of server-image takes it, and a guest without an agent; not a second ephemeral disk', async () => {
    root();
    const sound = await protectPreflight(w.deps, byImages());
    expect(sound.findings).toEqual([]);
    expect(protectReport(byImages(), sound).plan[0]).toMatch(/image of db, app/);
    w.site1.servers.all = [];
    w.site1.volumes.all = [];
    root({ flavor: { original_name: 'small', vcpus: 1, ram: 64, disk: 1, ephemeral: 5 } });
    expect((await protectPreflight(w.deps, byImages())).findings.map((f) => f.code)).toEqual(['GW_MEMBER_EPHEMERAL_DISK']);
  });

  it('refuses what the policy demands and the method cannot', async () => {
    root();
    expect((await protectPreflight(w.deps, byImages({ groupConsistent: true }))).findings.map((f) => f.code)).toEqual(['GW_METHOD_INCONSISTENT']);
  });
});

describe('advice', () => {
  const job = (id: string, workflow: string, more: object) => ({ id, workflow, state: 'succeeded', ...more }) as never;

  it('is of what was measured: this group, this method, from this site', () => {
    const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
    const made = (n: number, minute: number, more: Partial<RecoveryPoint> = {}) => aPoint(n, ['full'], { frozenAt: at(minute), freezeWindowMs: n * 100, jobId: `j${n}`, ...more });
    const points = [made(1, 0), made(2, 10), made(3, 20), made(4, 25, { method: 'server-image' }), made(5, 26, { sourceSite: 'site2' }), made(6, 27, { state: 'Failed' })];
    const jobs = [job('j1', 'protect', { endedAt: at(1) }), job('j2', 'protect', { endedAt: at(11) }), job('j3', 'protect', { endedAt: at(22) }),
      job('r', 'recover', { result: { point: made(2, 0).id, rtoSeconds: 40, alreadyActive: false } }), job('r2', 'recover', { result: { point: made(4, 0).id, rtoSeconds: 999, alreadyActive: false } }), job('r3', 'recover', { result: { point: made(2, 0).id, rtoSeconds: 0, alreadyActive: true } })];
    expect(measured('group-snapshot', aGroup(), points, jobs)).toEqual({ points: 3, freezeWindowMs: 300, protectSeconds: 60, rpoSeconds: 660, rtoSeconds: 40 });
    expect(measured('group-snapshot', aGroup(), [], jobs)).toEqual({ points: 0 });
    expect([median([]), median([3]), median([1, 2, 9]), median([1, 3])]).toEqual([undefined, 3, 2, 2]);
  });

  it('names each method that can be used, every reason against the others, and the best', async () => {
    const disk = (server: string) => ({ id: `v-${server}`, status: 'in-use', size: 1, volume_type: 'ceph', metadata: {}, 'os-vol-host-attr:host': 'v1@ceph#p', volume_image_metadata: { hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes' } });
    for (const { serverId, name } of aGroup().members) {
      w.site1.addServer(serverId, { name, volumes: [{ volumeId: `v-${serverId}`, device: '/dev/vda' }] });
      w.site1.volumes.all.push(disk(serverId));
    }
    expect(await advise(w.deps, aGroup(), [])).toMatchObject({ recommended: 'group-snapshot', methods: [{ method: 'group-snapshot', usable: true, current: true, consistency: 'application', reasons: [] }, { method: 'server-image', usable: true, consistency: 'server' }, { method: 'replication', usable: false, reasons: [{ code: 'GW_REPLICATION_NOT_CONFIGURED' }] }] });
    Object.assign(w.site1.servers.all[1]!, { image: { id: 'i' }, volumes: [] });
    const advice = await advise(w.deps, aGroup(), []);
    expect(advice).toMatchObject({ recommended: 'server-image', methods: [{ usable: false, reasons: [{ code: 'GW_MEMBER_EPHEMERAL_ROOT' }] }, { usable: true, consistency: 'none' }, { usable: false }] });
    expect(await advise(w.deps, aGroup({ policy: { ...aGroup().policy, groupConsistent: true } }), [])).not.toHaveProperty('recommended');
  });
});

describe('a point with root disks in images', () => {
  const lies = (more: Record<string, unknown> = {}) => w.site2.images.all.push({ id: 'root-image', name: 'godwit-root', tags: ['godwit-root'], status: 'active', owner: w.site2.projectId, size: 3, os_hash_algo: 'sha512', os_hash_value: 'abc', ...more });
  beforeEach(() => {
    w.site2.addBackup('full');
    w.site2.addManifest(imagedPoint().manifest);
  });

  it('is recovered from them: booted from the image, at the new site, with no volume for its root', async () => {
    lies();
    const { plan, report } = await recoverPreflight(w.deps, byImages(), 'site2', imagedPoint().point.id);
    expect(report.findings).toEqual([]);
    await bootServer(w.deps, plan as RecoveryPlan, local(), [], [], w.step);
    expect(w.site2.servers.all[0]).toMatchObject({ imageRef: 'root-image', block_device_mapping_v2: [{ boot_index: 0, uuid: 'root-image', source_type: 'image', destination_type: 'local' }] });
  });

  it.each([['missing', undefined], ['another project’s', { owner: 'x' }], ['not whole', { status: 'saving' }], ['cut', { size: 2 }], ['changed', { os_hash_value: 'abd' }]])('one that is %s is found before anything is stopped, by verify and by rebuild too', async (_how, more) => {
    if (more) lies(more);
    const { point } = imagedPoint();
    expect((await recoverPreflight(w.deps, byImages(), 'site2', point.id)).report.findings.map((f) => f.code)).toEqual(['GW_IMAGE_DAMAGED']);
    expect((await verifyPoint(w.deps, byImages(), point)).findings.map((f) => f.code)).toEqual(['GW_IMAGE_DAMAGED']);
    expect(await rebuildProject(w.deps, 'site2', project)).toMatchObject({ points: [], findings: [{ code: 'GW_IMAGE_DAMAGED' }] });
  });

  it('comes back whole from its manifest', async () => {
    lies();
    await rebuildProject(w.deps, 'site2', project);
    expect(w.store.pointsById.get(imagedPoint().point.id)).toMatchObject({ method: 'server-image', consistency: 'none', images: imagedPoint().point.images });
    expect(w.store.groupsById.get(uuid(1))?.policy.method).toBe('server-image');
  });

  it('whose manifest lacks a root disk is damaged', () => {
    const { manifest } = imagedPoint();
    expect(manifestSchema.safeParse({ ...manifest, point: { ...manifest.point, images: [] } }).success).toBe(false);
  });
});
