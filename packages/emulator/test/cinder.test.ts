import type { Cloud, Volume } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { cinder } from '../src/cinder/index.ts';
import { readSparse, writeSparse } from '../src/storage/sparse.ts';
import { createManualTime } from '../src/index.ts';
import { cloud, emulate } from './harness.ts';
import { until } from './until.ts';

const ready = (c: Cloud, id: string): Promise<Volume> => until(`volume ${id}`, async () => {
  const volume = await c.volume.volumes.get(id);
  return volume.status === 'creating' || volume.status === 'downloading' || volume.status === 'restoring-backup' ? undefined : volume;
});
const backedUp = (c: Cloud, id: string) => until(`backup ${id}`, async () => {
  const backup = await c.volume.backups.get(id);
  return ['creating', 'restoring'].includes(backup.status) ? undefined : backup;
});
const gone = (what: string, get: () => Promise<unknown>) => until(what, async () => get().then(() => undefined, () => true));

async function pair(options: Parameters<typeof emulate>[0] = {}) {
  const emulator = await emulate(options);
  const [one, two] = [cloud(emulator, 'site1-godwit'), cloud(emulator, 'site2-godwit')];
  const write = (volumeId: string, offset: number, text: string): void => {
    const volume = emulator.site('site1').state(cinder).volumes.get(volumeId);
    if (!volume) throw new Error('no volume');
    writeSparse(volume.data, offset, Buffer.from(text));
  };
  const read = (site: string, volumeId: string, offset: number, length: number): string => {
    const volume = emulator.site(site).state(cinder).volumes.get(volumeId);
    if (!volume) throw new Error('no volume');
    return readSparse(volume.data, offset, length).toString();
  };
  return { emulator, one, two, write, read };
}

/** A volume with text on it, one full backup of it and an increment. */
async function chain(w: Awaited<ReturnType<typeof pair>>) {
  const { one } = w;
  const { id } = await ready(one, (await one.volume.volumes.create({ name: 'v', size: 1, volume_type: 'ceph' })).id);
  w.write(id, 0, 'first');
  const full = await backedUp(one, (await one.volume.backups.create({ volume_id: id, name: 'full' })).id);
  w.write(id, 5_000_000, 'second');
  const increment = await backedUp(one, (await one.volume.backups.create({ volume_id: id, name: 'increment', incremental: true })).id);
  return { id, full, increment };
}

describe('volumes', () => {
  it('are made, snapshotted and cloned with what is on them at that moment', async () => {
    const w = await pair();
    const { one } = w;
    const made = await one.volume.volumes.create({ name: 'v', size: 1, volume_type: 'ceph', metadata: { a: 'b' } });
    expect(made.status).toBe('creating');
    const volume = await ready(one, made.id);
    expect(volume).toMatchObject({ status: 'available', volume_type: 'ceph', bootable: 'false', metadata: { a: 'b' }, 'os-vol-host-attr:host': 'site1@ceph#ceph' });
    w.write(volume.id, 40_000, 'before');
    const snapshot = await one.volume.snapshots.create({ volume_id: volume.id, name: 's' });
    await until('snapshot', async () => (await one.volume.snapshots.get(snapshot.id)).status === 'available');
    w.write(volume.id, 40_000, 'AFTER!');
    const clone = await ready(one, (await one.volume.volumes.create({ name: 'c', snapshot_id: snapshot.id })).id);
    expect(w.read('site1', clone.id, 40_000, 6)).toBe('before');
    expect(w.read('site1', volume.id, 40_000, 6)).toBe('AFTER!');
    await expect(one.volume.volumes.delete(volume.id)).rejects.toThrow(/must not be migrating, attached, belong to a group, have snapshots/);
    await one.volume.volumes.delete(volume.id, { cascade: true });
    await gone('volume', () => one.volume.volumes.get(volume.id));
    await gone('snapshot', () => one.volume.snapshots.get(snapshot.id));
  });

  it('from an image have its data and properties', async () => {
    const { one } = await pair();
    const [image] = await one.image.list({ name: 'godwit-guest' });
    const volume = await ready(one, (await one.volume.volumes.create({ name: 'root', size: 1, imageRef: image?.id ?? '' })).id);
    expect(volume).toMatchObject({ bootable: 'true', volume_image_metadata: { hw_qemu_guest_agent: 'yes', image_name: 'godwit-guest', checksum: image?.checksum } });
  });

  it('over quota are refused in Cinder’s words, and counted', async () => {
    const { one, emulator } = await pair();
    const { projectId = '' } = await one.session.token();
    await cloud(emulator, 'site1-admin').volume.setQuota(projectId, { volumes: 1 });
    await ready(one, (await one.volume.volumes.create({ name: 'a', size: 1 })).id);
    await expect(one.volume.volumes.create({ name: 'b', size: 1 })).rejects.toThrow(/HTTP 413.*VolumeLimitExceeded: Maximum number of volumes allowed \(1\) exceeded for quota 'volumes'/);
    expect((await one.volume.quota(projectId))['volumes_ceph']).toEqual({ limit: -1, inUse: 1, reserved: 0 });
  });

  it('of another project are not there, and a tenant is not told the host', async () => {
    const { one, emulator } = await pair();
    const { id } = await ready(one, (await one.volume.volumes.create({ name: 'a', size: 1 })).id);
    await expect(cloud(emulator, 'site1-stranger').volume.volumes.get(id)).rejects.toThrow(/could not be found/);
    expect((await cloud(emulator, 'site1').volume.volumes.get(id))['os-vol-host-attr:host']).toBeUndefined();
  });

  it('come by pages, the newest first', async () => {
    const { one } = await pair();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await one.volume.volumes.create({ name, size: 1 });
    const seen: string[] = [];
    for await (const v of one.volume.volumes.iterate({ limit: 2 })) seen.push(v.name ?? '');
    expect(seen).toEqual(names.toReversed());
    expect((await one.volume.volumes.list({ name: 'c' })).map((v) => v.name)).toEqual(['c']);
  });

  it('stay as they are when the order is lost, and are repaired by an administrator', async () => {
    const { one, emulator } = await pair();
    emulator.inject({ kind: 'failure', site: 'site1', work: 'lost:volume-create' });
    const { id } = await one.volume.volumes.create({ name: 'a', size: 1 });
    await new Promise((done) => setTimeout(done, 20));
    expect((await one.volume.volumes.get(id)).status).toBe('creating');
    await one.volume.volumes.resetStatus(id, 'error');
    await one.volume.volumes.delete(id);
    await gone('volume', () => one.volume.volumes.get(id));
  });
});

describe('groups', () => {
  it('take volumes in, are snapshotted as one, and let them go again', async () => {
    const { one } = await pair();
    const type = await one.volume.groupTypes.create({ name: 't' });
    const [ceph] = (await one.volume.types.list()).filter((t) => t.name === 'ceph');
    const volumes = await Promise.all(['a', 'b'].map(async (name) => ready(one, (await one.volume.volumes.create({ name, size: 1, volume_type: 'ceph' })).id)));
    const ids = volumes.map((v) => v.id);
    const { id } = await one.volume.groups.create({ name: 'g', group_type: type.id, volume_types: [ceph?.id ?? ''] });
    const settled = () => until('group', async () => ((g) => g.status === 'available' && g)(await one.volume.groups.get(id)));
    await settled();
    await one.volume.groups.update(id, { add_volumes: ids });
    expect((await settled()).volumes?.toSorted()).toEqual(ids.toSorted());
    await expect(one.volume.groups.update(id, { add_volumes: ids })).rejects.toThrow(/no valid name, description, add_volumes, or remove_volumes/);
    const snapshot = await one.volume.groupSnapshots.create({ group_id: id, name: 'gs' });
    await until('group snapshot', async () => (await one.volume.groupSnapshots.get(snapshot.id)).status === 'available');
    const inside = await one.volume.snapshots.list();
    expect(inside.map((s) => [s.group_snapshot_id, s.status])).toEqual([[snapshot.id, 'available'], [snapshot.id, 'available']]);
    await expect(one.volume.snapshots.delete(inside[0]?.id ?? '')).rejects.toThrow(/must not be part of a group/);
    await expect(one.volume.groups.delete(id)).rejects.toThrow(/existing snapshots/);
    await one.volume.groupSnapshots.delete(snapshot.id);
    await gone('group snapshot', () => one.volume.groupSnapshots.get(snapshot.id));
    await expect(one.volume.groups.delete(id)).rejects.toThrow(/still contains volumes/);
    await one.volume.groups.update(id, { remove_volumes: ids });
    await settled();
    await one.volume.groups.delete(id);
    await gone('group', () => one.volume.groups.get(id));
    expect((await one.volume.volumes.list()).length).toBe(2);
  });

  it('of the reserved type are refused', async () => {
    const { one } = await pair();
    const [reserved] = (await one.volume.groupTypes.list()).filter((t) => t.name === 'default_cgsnapshot_type');
    const [type] = await one.volume.types.list();
    await expect(one.volume.groups.create({ group_type: reserved?.id ?? '', volume_types: [type?.id ?? ''] })).rejects.toThrow(/reserved for migrating CGs/);
  });
});

describe('backups', () => {
  it('chain by their volume; a whole chain brought over restores every byte, metadata over what the new volume was given', async () => {
    const w = await pair();
    const { one, two } = w;
    const { id, full, increment } = await chain(w);
    expect(increment).toMatchObject({ is_incremental: true, object_count: 1, status: 'available', volume_id: id });
    expect((await one.volume.backups.get(full.id)).has_dependent_backups).toBe(true);
    await expect(one.volume.backups.delete(full.id)).rejects.toThrow(/Incremental backups exist/);
    await one.volume.volumes.setMetadata(id, { role: 'db' });
    const third = await backedUp(one, (await one.volume.backups.create({ volume_id: id, incremental: true })).id);
    for (const backup of [full, increment, third]) {
      await two.volume.backups.importRecord(await one.volume.backups.exportRecord(backup.id));
      expect((await backedUp(two, backup.id)).status).toBe('available');
    }
    await expect(two.volume.backups.importRecord(await one.volume.backups.exportRecord(full.id))).rejects.toThrow(/already exists in database/);
    const { projectId } = await two.session.token();
    expect(await two.volume.backups.get(third.id)).toMatchObject({ volume_id: id, 'os-backup-project-attr:project_id': projectId });
    const restored = await ready(two, (await two.volume.volumes.create({ name: 'r', size: 1, backup_id: third.id, metadata: { mine: 'lost' } })).id);
    expect(restored.status).toBe('available');
    expect([w.read('site2', restored.id, 0, 5), w.read('site2', restored.id, 5_000_000, 6)]).toEqual(['first', 'second']);
    expect(restored.metadata).toEqual({ role: 'db', src_backup_id: third.id });
  });

  it('an increment without its parent looks available, and fails at its restore', async () => {
    const w = await pair();
    const { increment } = await chain(w);
    await w.two.volume.backups.importRecord(await w.one.volume.backups.exportRecord(increment.id));
    expect((await backedUp(w.two, increment.id)).status).toBe('available');
    const fresh = await ready(w.two, (await w.two.volume.volumes.create({ name: 'r', size: 1, backup_id: increment.id })).id);
    expect(fresh.status).toBe('error');
    const target = await ready(w.two, (await w.two.volume.volumes.create({ name: 't', size: 1 })).id);
    await w.two.volume.backups.restore(increment.id, { volume_id: target.id });
    expect((await ready(w.two, target.id)).status).toBe('error_restoring');
    expect((await w.two.volume.backups.get(increment.id)).status).toBe('available');
  });

  it('of a volume in use want force or a snapshot; without an earlier one there is no increment', async () => {
    const w = await pair();
    const { id } = await ready(w.one, (await w.one.volume.volumes.create({ size: 1 })).id);
    await expect(w.one.volume.backups.create({ volume_id: id, incremental: true })).rejects.toThrow(/No backups available to do an incremental backup/);
    const site = w.emulator.site('site1');
    const attachmentId = site.part('volumes').reserve(id, 'server');
    site.part('volumes').attach(id, { attachmentId, serverId: 'server', host: 'c', device: '/dev/vda' });
    await expect(w.one.volume.backups.create({ volume_id: id })).rejects.toThrow(/must use the force flag/);
    const { id: backup } = await w.one.volume.backups.create({ volume_id: id, force: true });
    await backedUp(w.one, backup);
    expect((await w.one.volume.volumes.get(id)).status).toBe('in-use');
  });

  it('stay creating while cinder-backup is dead, and are an error once it is back', async () => {
    const w = await pair();
    const { id } = await ready(w.one, (await w.one.volume.volumes.create({ size: 1 })).id);
    const dead = w.emulator.inject({ kind: 'daemon-down', site: 'site1', daemon: 'cinder-backup' });
    // For a minute (compressed here) it is still listed as up.
    const made = await w.one.volume.backups.create({ volume_id: id });
    await until('the service to be missed', async () => (await w.one.volume.services.list({ binary: 'cinder-backup' }))[0]?.state === 'down');
    expect((await w.one.volume.backups.get(made.id)).status).toBe('creating');
    await expect(w.one.volume.backups.delete(made.id, { force: true })).rejects.toThrow(/Service cinder-backup could not be found/);
    dead.lift();
    expect(await backedUp(w.one, made.id)).toMatchObject({ status: 'error', fail_reason: 'incomplete backup reset on manager restart' });
    expect((await w.one.volume.volumes.get(id)).status).toBe('available');
    await w.one.volume.backups.delete(made.id);
    await gone('backup', () => w.one.volume.backups.get(made.id));
  });

  it('fail when the target is full, and say so', async () => {
    const w = await pair();
    const { id } = await ready(w.one, (await w.one.volume.volumes.create({ size: 1 })).id);
    w.emulator.inject({ kind: 'storage-full', site: 'site1' });
    const backup = await backedUp(w.one, (await w.one.volume.backups.create({ volume_id: id })).id);
    expect(backup).toMatchObject({ status: 'error', fail_reason: expect.stringMatching(/No space left/) as string });
    expect((await w.one.volume.volumes.get(id)).status).toBe('available');
  });
});

it('a full cluster holds deletions up until there is room', async () => {
  const w = await pair();
  const { id } = await ready(w.one, (await w.one.volume.volumes.create({ size: 1 })).id);
  const full = w.emulator.inject({ kind: 'storage-full', site: 'site1' });
  await w.one.volume.volumes.delete(id);
  await new Promise((done) => setTimeout(done, 30));
  expect((await w.one.volume.volumes.get(id)).status).toBe('deleting');
  full.lift();
  await gone('volume', () => w.one.volume.volumes.get(id));
});

it('a site’s death drops what is under way: volumes are errors then, backups too, deletions go on', async () => {
  const w = await pair();
  const { id } = await ready(w.one, (await w.one.volume.volumes.create({ size: 1 })).id);
  w.emulator.world.clock.speed = 1;
  const half = await w.one.volume.volumes.create({ size: 1 });
  const backup = await w.one.volume.backups.create({ volume_id: id });
  const down = w.emulator.inject({ kind: 'site-down', site: 'site1' });
  w.emulator.world.clock.speed = 1_000;
  down.lift();
  expect((await w.one.volume.volumes.get(half.id)).status).toBe('error');
  expect(await w.one.volume.backups.get(backup.id)).toMatchObject({ status: 'error', fail_reason: 'incomplete backup reset on manager restart' });
  expect((await w.one.volume.volumes.get(id)).status).toBe('available');
});

it('work takes the time that it takes on a real site, with the states in between', async () => {
  const clock = createManualTime();
  const { one } = await pair({ clock });
  const { id } = await one.volume.volumes.create({ size: 1 });
  const status = async (): Promise<string> => (await one.volume.volumes.get(id)).status;
  await clock.advance(200);
  expect(await status()).toBe('creating');
  await clock.advance(300);
  expect(await status()).toBe('available');
  const { id: backup } = await one.volume.backups.create({ volume_id: id });
  await clock.advance(8_000);
  expect([await status(), (await one.volume.backups.get(backup)).status]).toEqual(['backing-up', 'creating']);
  await clock.advance(5_000);
  expect([await status(), (await one.volume.backups.get(backup)).status]).toEqual(['available', 'available']);
  const { id: restored } = await one.volume.volumes.create({ size: 1, backup_id: backup });
  await clock.advance(500);
  expect([(await one.volume.volumes.get(restored)).status, (await one.volume.backups.get(backup)).status]).toEqual(['creating', 'restoring']);
  await clock.advance(12_000);
  expect((await one.volume.volumes.get(restored)).status).toBe('available');
});
