import { beforeEach, describe, expect, it } from 'vitest';
import { deleteBackup } from '../src/cinder/backup.ts';
import { importChain, readChain } from '../src/cinder/chain.ts';
import { readManifest, writeManifest } from '../src/manifest/store.ts';
import { deleteUnfinishedBackup } from '../src/protect/backup.ts';
import type { Prepared } from '../src/protect/prepare.ts';
import type { ProtectDeps } from '../src/protect/workflow.ts';
import { backupsOf } from '../src/methods/backup-store/remove.ts';
import { deletePoint, expired } from '../src/protect/prune.ts';
import { withdraw } from '../src/protect/publish.ts';
import { recoverPreflight, type RecoveryPlan } from '../src/recover/assess.ts';
import { bootServer } from '../src/recover/boot.ts';
import { createPorts, deletePorts } from '../src/recover/ports.ts';
import { deleteVolumes, restoreVolume } from '../src/methods/backup-store/restore.ts';
import { names } from '../src/names.ts';
import { aGroup, aManifest, aPoint, uuid, world, type World } from './fake-world.ts';

let w: World;
beforeEach(() => {
  w = world();
});

async function plan(): Promise<RecoveryPlan> {
  const point = aPoint(1, ['full']);
  w.site2.addBackup('full');
  w.site2.addManifest(aManifest(point));
  const { plan: made, report } = await recoverPreflight(w.deps, aGroup(), 'site2', point.id);
  expect(report.findings).toEqual([]);
  return made as RecoveryPlan;
}

describe('promise: any step may be run twice (recover)', () => {
  it('a volume is restored once', async () => {
    const p = await plan();
    const first = await restoreVolume(w.deps, p, p.volumes[0]!, w.step);
    expect(await restoreVolume(w.deps, p, p.volumes[0]!, w.step)).toEqual(first);
    expect(w.site2.volumes.all).toHaveLength(1);
    expect(w.site2.volumes.all[0]).toMatchObject({ backup_id: 'full', name: 'root' });
  });

  it('a volume whose restore failed, or that is being deleted, is made anew; one of another point is not taken for it', async () => {
    const p = await plan();
    const { id } = await restoreVolume(w.deps, p, p.volumes[0]!, w.step);
    w.site2.volumes.all[0]!.status = 'error_restoring';
    const again = await restoreVolume(w.deps, p, p.volumes[0]!, w.step);
    expect(again.id).not.toBe(id);
    w.site2.volumes.all[0]!.status = 'deleting';
    expect((await restoreVolume(w.deps, p, p.volumes[0]!, w.step)).id).not.toBe(again.id);
    expect((await restoreVolume(w.deps, { ...p, pointId: uuid(77) }, p.volumes[0]!, w.step)).id).not.toBe(again.id);
  });

  it('a volume whose labels the restore replaced is found by its name, labelled anew, and undone', async () => {
    const p = await plan();
    w.site2.backupMetadata['full'] = { role: 'db', godwit_group: 'of an earlier recovery', godwit_epoch: '1' };
    // The controller died while it was restored: the volume has its first name, and the labels of old.
    await w.site2.volumes.create({ name: `godwit-${p.pointId}-e${p.epoch}-v1`, backup_id: 'full', metadata: { ...w.site2.backupMetadata['full'] } });
    await restoreVolume(w.deps, p, p.volumes[0]!, w.step);
    await restoreVolume(w.deps, p, p.volumes[0]!, w.step);
    expect(w.site2.volumes.all).toHaveLength(1);
    expect(w.site2.volumes.all[0]?.metadata).toMatchObject({ role: 'db', godwit_group: p.group.id, godwit_epoch: String(p.epoch) });
    // And in the middle of a restore, with nothing but its name.
    Object.assign(w.site2.volumes.all[0]!, { name: `godwit-${p.pointId}-e${p.epoch}-v1`, metadata: { role: 'db' } });
    await deleteVolumes(w.deps, p, w.step);
    expect(w.site2.volumes.all).toEqual([]);
  });

  it('ports are made once, with the old MAC and IP, and deleted once', async () => {
    const p = await plan();
    const first = await createPorts(w.deps, p, p.servers[0]!, w.step);
    expect(await createPorts(w.deps, p, p.servers[0]!, w.step)).toEqual(first);
    expect(w.site2.ports.all).toHaveLength(1);
    expect(w.site2.ports.all[0]).toMatchObject({ mac_address: 'fa:16:3e:00:00:01', fixed_ips: [{ ip_address: '10.0.0.5', subnet_id: 'subnet-site2' }], security_groups: ['sg1'] });
    await deletePorts(w.deps, p, w.step);
    await deletePorts(w.deps, p, w.step);
    expect(w.site2.ports.all).toEqual([]);
  });

  it('a MAC address that someone else uses is not taken', async () => {
    const p = await plan();
    await w.site2.ports.create({ network_id: 'net-site2', mac_address: 'fa:16:3e:00:00:01', description: '' });
    await expect(createPorts(w.deps, p, p.servers[0]!, w.step)).rejects.toMatchObject({ code: 'GW_ADDRESS_TAKEN', kind: 'terminal' });
  });

  it('a server is booted once', async () => {
    const p = await plan();
    const volumes = [await restoreVolume(w.deps, p, p.volumes[0]!, w.step)];
    const ports = await createPorts(w.deps, p, p.servers[0]!, w.step);
    const first = await bootServer(w.deps, p, p.servers[0]!, volumes, ports, w.step);
    expect((await bootServer(w.deps, p, p.servers[0]!, volumes, ports, w.step)).id).toBe(first.id);
    expect(w.site2.calls.filter((c) => c.startsWith('boot'))).toEqual(['boot db']);
    expect(w.site2.servers.all[0]).toMatchObject({ networks: [{ port: ports[0]!.id }], block_device_mapping_v2: [{ boot_index: 0, uuid: volumes[0]!.id }] });
  });
});

describe('promise: any step may be run twice (protect)', () => {
  const cinder = () => ({ site: 'site2', cloud: w.site2.cloud(), clock: w.deps.clock, signal: w.step.signal });

  it('a chain is imported once, full backup first, and its imports are waited for', async () => {
    w.site1.addBackup('full');
    w.site1.addBackup('inc', 'full');
    const chain = await readChain('site1', w.site1.cloud(), 'inc');
    expect(await importChain(cinder(), chain)).toEqual(['full', 'inc']);
    expect(w.site2.backups.all.map((b) => b.status)).toEqual(['available', 'available']);
    await importChain(cinder(), chain);
    expect(w.site2.calls).toEqual(['import full', 'import inc']);
  });

  it('a manifest is written once; one that was never filled is replaced', async () => {
    const manifest = aManifest(aPoint(1, ['full']));
    const first = await writeManifest('site2', w.site2.cloud(), manifest);
    expect(await writeManifest('site2', w.site2.cloud(), manifest)).toEqual(first);
    w.site2.images.all[0]!.status = 'queued';
    expect((await writeManifest('site2', w.site2.cloud(), manifest)).imageId).not.toBe(first.imageId);
    expect(w.site2.images.all).toHaveLength(1);
    expect((await readManifest('site2', w.site2.cloud(), manifest.point.id)).point.sequence).toBe(1);
  });

  it('a manifest that was damaged on its way is written again', async () => {
    const manifest = aManifest(aPoint(1, ['full']));
    const { imageId } = await writeManifest('site2', w.site2.cloud(), manifest);
    w.site2.bytes.set(imageId, Buffer.from('{}'));
    await writeManifest('site2', w.site2.cloud(), manifest);
    await expect(readManifest('site2', w.site2.cloud(), manifest.point.id)).resolves.toBeTruthy();
  });

  it('a backup that is still being made is waited for, then deleted: Cinder refuses it before', async () => {
    w.site2.addBackup('b', undefined, { status: 'creating' });
    setTimeout(() => (w.site2.backups.all[0]!.status = 'available'), 10);
    await deleteBackup(cinder(), 'b');
    expect(w.site2.backups.all).toEqual([]);
    await deleteBackup(cinder(), 'b');
  });

  it('a 404 that says that cinder-backup is down is not taken for a deleted backup', async () => {
    w.site2.addBackup('b');
    w.site2.volumeServices[0]!.state = 'down';
    await expect(deleteBackup(cinder(), 'b')).rejects.toMatchObject({ code: 'GW_BACKUP_SERVICE_DOWN', kind: 'retryable' });
  });

  const prepared = { group: aGroup(), source: 'site1', target: 'site2', volumes: [{ id: 'v1' }] } as unknown as Prepared;

  it('an undone protect leaves no backup and no manifest, and a committed one keeps both', async () => {
    const point = aPoint(1, ['x'], { state: 'Pending' });
    const input = { groupId: point.groupId, pointId: point.id };
    const name = names.backup(point.id, 'v1');
    const undo = async () => {
      await withdraw(w.deps as ProtectDeps, input, prepared);
      await deleteUnfinishedBackup(w.deps as ProtectDeps, input, prepared, prepared.volumes[0]!, w.step);
    };
    w.site1.addBackup('x', undefined, { name });
    w.site2.addBackup('x', undefined, { name });
    w.site2.addManifest(aManifest(point));
    await w.store.putPoint({ ...point, state: 'Available' });
    await undo();
    expect([w.site1.backups.all.length, w.site2.backups.all.length, w.site2.images.all.length]).toEqual([1, 1, 1]);
    await w.store.putPoint(point);
    await undo();
    await undo();
    expect([w.site1.backups.all.length, w.site2.backups.all.length, w.site2.images.all.length]).toEqual([0, 0, 0]);
  });
});

describe('retention', () => {
  it('lets whole chains go, newest first, and never one that a kept point needs', () => {
    const points = [aPoint(1, ['a']), aPoint(2, ['a', 'b']), aPoint(3, ['c']), aPoint(4, ['c', 'd']), aPoint(5, ['c', 'd', 'e'])];
    expect(expired(points, 2).map((p) => p.sequence)).toEqual([2, 1]);
    expect(expired(points, 4)).toEqual([]);
    expect(expired(points.slice(2), 1)).toEqual([]);
    const old = aPoint(9, ['z'], { frozenAt: '2020-01-01T00:00:00.000Z' });
    expect(expired([...points.slice(2), old], 3)).toEqual([old]);
  });

  it('goes on with what was being deleted, and keeps the ten newest failures to be read', () => {
    const failures = Array.from({ length: 12 }, (_, n) => aPoint(n + 2, [], { state: 'Failed', volumes: [] }));
    expect(expired([aPoint(1, ['a'], { state: 'Deleting' }), ...failures], 7).map((p) => p.sequence)).toEqual([3, 2, 1]);
  });

  it('deletes with a point the backups that only failed points had between it and its parent', () => {
    const [p1, p2] = [aPoint(1, ['full']), aPoint(3, ['full', 'orphan', 'inc'])];
    expect(backupsOf(p2, [p1, aPoint(2, [], { state: 'Failed', volumes: [] }), p2])).toEqual([['inc', 'orphan']]);
    expect(backupsOf(p1, [p1, p2])).toEqual([['full']]);
  });

  it('deletes a chain with such an orphan in it at both sites', async () => {
    const [p1, p2] = [aPoint(1, ['full']), aPoint(3, ['full', 'orphan', 'inc'])];
    for (const site of [w.site1, w.site2]) {
      site.addBackup('full');
      site.addBackup('orphan', 'full');
      site.addBackup('inc', 'orphan');
    }
    for (const p of [p1, p2]) await w.store.putPoint(p);
    for (const p of [p2, p1]) await deletePoint(w.deps, aGroup(), p, w.step.signal);
    expect([...w.site1.backups.all, ...w.site2.backups.all]).toEqual([]);
    expect(w.store.pointsById.size).toBe(0);
  });
});
