import { createRpcClient, versionedObject, type RpcClient } from '@godwit/oslo-messaging';
import type { Cloud } from '@godwit/openstack';
import { afterEach, describe, expect, it } from 'vitest';
import { type Emulator, readGuestLog } from '../src/index.ts';
import { cloud, emulate } from './harness.ts';

const clients: RpcClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

interface Vnf {
  readonly emulator: Emulator;
  readonly tenant: Cloud;
  readonly admin: Cloud;
  readonly id: string;
  readonly root: string;
  readonly data: string;
}

const status = (tenant: Cloud, id: string, wanted: string): Promise<void> => expect.poll(async () => (await tenant.compute.servers.get(id)).status, { interval: 5, timeout: 5_000 }).toBe(wanted);

/** A server of the tenant that boots from a volume of the guest image and has a data volume. */
async function vnf(options: Parameters<typeof emulate>[0] = {}): Promise<Vnf> {
  const emulator = await emulate({ writerMs: 4, ...options });
  const tenant = cloud(emulator, 'site1');
  const image = (await tenant.image.list({ name: 'godwit-guest' }))[0]?.id ?? '';
  const root = await tenant.volume.volumes.create({ name: 'root', size: 1, imageRef: image });
  const data = await tenant.volume.volumes.create({ name: 'data', size: 1 });
  for (const { id } of [root, data]) await expect.poll(async () => (await tenant.volume.volumes.get(id)).status, { interval: 5, timeout: 5_000 }).toBe('available');
  const flavorRef = (await tenant.compute.flavors.list()).find((f) => f.name === 'vnf.small')?.id ?? '';
  const { id } = await tenant.compute.servers.create({
    server: {
      name: 'web', flavorRef, networks: 'none', metadata: { role: 'x' },
      block_device_mapping_v2: [
        { boot_index: 0, uuid: root.id, source_type: 'volume', destination_type: 'volume' },
        { boot_index: -1, uuid: data.id, source_type: 'volume', destination_type: 'volume' },
      ],
    },
  });
  await status(tenant, id, 'ACTIVE');
  return { emulator, tenant, admin: cloud(emulator, 'site1-admin'), id, root: root.id, data: data.id };
}

const numbers = ({ emulator }: Vnf, volume: string): number[] => {
  const { parts } = emulator.site('site1');
  parts.guests?.flush(volume);
  const contents = parts.volumes?.contents(volume);
  return contents ? readGuestLog(contents).split('\n').filter(Boolean).map((line) => Number(line.split(' ')[0])) : [];
};

function rpc(emulator: Emulator): (method: string, uuid: string, timeoutMs?: number) => Promise<unknown> {
  const client = createRpcClient({ url: emulator.rpcUrl('site1') });
  clients.push(client);
  return (method, uuid, timeoutMs = 2_000) =>
    client.call({
      target: { exchange: 'nova', topic: 'compute', server: 'site1-c1', version: '6.0' }, method, context: { isAdmin: true, userId: 'g', projectId: 'g', roles: ['admin'] },
      args: { instance: versionedObject({ name: 'Instance', namespace: 'nova', version: '2.0', data: { uuid, id: 1, image_ref: '', system_metadata: { image_hw_qemu_guest_agent: 'yes' } } }) },
    }, { timeoutMs }).result;
}

describe('Nova', () => {
  it('builds a server on its volumes, shows administrators more, and other projects nothing', async () => {
    const { tenant, admin, emulator, id, root, data } = await vnf();
    const server = await tenant.compute.servers.get(id);
    expect(server).toMatchObject({ name: 'web', 'OS-EXT-STS:vm_state': 'active', 'os-extended-volumes:volumes_attached': [{ id: root }, { id: data }] });
    expect(server['OS-EXT-SRV-ATTR:host']).toBeUndefined();
    expect((await admin.compute.servers.get(id))['OS-EXT-SRV-ATTR:host']).toBe('site1-c1');
    expect((await tenant.volume.volumes.get(root)).status).toBe('in-use');
    expect((await tenant.compute.servers.volumeAttachments(id)).map((a) => a.device)).toEqual(['/dev/vda', '/dev/vdb']);
    await expect(cloud(emulator, 'site1-stranger').compute.servers.get(id)).rejects.toMatchObject({ code: 'OS_NOT_FOUND', message: expect.stringContaining(`Instance ${id} could not be found.`) as unknown });
    expect(await cloud(emulator, 'site1-stranger').compute.servers.list()).toEqual([]);
    await expect(tenant.compute.servers.list({ all_tenants: true })).rejects.toMatchObject({ code: 'OS_FORBIDDEN' });
    expect((await admin.compute.servers.list({ all_tenants: true })).map((s) => s.id)).toEqual([id]);
  });

  it('stops, starts, locks and deletes, and refuses what does not fit', async () => {
    const { tenant, admin, id, root } = await vnf();
    await expect(tenant.compute.servers.start(id)).rejects.toMatchObject({ code: 'OS_CONFLICT', message: expect.stringContaining(`Cannot 'start' instance ${id} while it is in vm_state active`) as unknown });
    await admin.compute.servers.lock(id, { reason: 'Godwit: epoch 2' });
    await expect(tenant.compute.servers.stop(id)).rejects.toMatchObject({ message: expect.stringContaining(`Instance ${id} is locked`) as unknown });
    await expect(tenant.compute.servers.unlock(id)).rejects.toMatchObject({ message: expect.stringContaining('unlock_override') as unknown });
    expect(await tenant.compute.servers.get(id)).toMatchObject({ locked: true, locked_reason: 'Godwit: epoch 2' });
    await admin.compute.servers.stop(id);
    await status(tenant, id, 'SHUTOFF');
    await admin.compute.servers.unlock(id);
    await tenant.compute.servers.start(id);
    await status(tenant, id, 'ACTIVE');
    await tenant.compute.servers.delete(id);
    await expect.poll(async () => (await tenant.volume.volumes.get(root)).status, { interval: 5 }).toBe('available');
    await expect(tenant.compute.servers.get(id)).rejects.toMatchObject({ code: 'OS_NOT_FOUND' });
  });

  it('a spawn that fails leaves a server in ERROR and its volumes free', async () => {
    const { emulator, tenant, root, data, id } = await vnf();
    await tenant.compute.servers.delete(id);
    await expect.poll(async () => (await tenant.volume.volumes.get(root)).status, { interval: 5 }).toBe('available');
    emulator.inject({ kind: 'failure', work: 'spawn', message: 'No valid host was found.' });
    const flavorRef = (await tenant.compute.flavors.list())[0]?.id ?? '';
    const again = await tenant.compute.servers.create({ server: { name: 'web', flavorRef, networks: 'none', block_device_mapping_v2: [{ boot_index: 0, uuid: root, source_type: 'volume', destination_type: 'volume' }] } });
    await status(tenant, again.id, 'ERROR');
    expect((await tenant.compute.servers.get(again.id)).fault?.message).toBe('No valid host was found.');
    expect((await tenant.volume.volumes.get(root)).status).toBe('available');
    await expect(tenant.compute.servers.create({ server: { name: 'web', flavorRef, networks: 'none', block_device_mapping_v2: [{ boot_index: 0, uuid: '11111111-2222-4333-8444-555555555555', source_type: 'volume', destination_type: 'volume' }] } })).rejects.toMatchObject({ message: expect.stringContaining('Block Device Mapping is Invalid: failed to get volume') as unknown });
    await cloud(emulator, 'site1-admin').compute.setQuota((await tenant.session.token()).projectId ?? '', { instances: 1 });
    await expect(tenant.compute.servers.create({ server: { name: 'b', flavorRef, networks: 'none', block_device_mapping_v2: [{ boot_index: 0, uuid: data, source_type: 'volume', destination_type: 'volume' }] } })).rejects.toMatchObject({ code: 'OS_OVER_LIMIT' });
  });

  it('keeps keypairs of a user, server groups of a project, and flavors with specs and access', async () => {
    const emulator = await emulate();
    const [tenant, admin] = [cloud(emulator, 'site1').compute, cloud(emulator, 'site1-admin').compute];
    await tenant.keypairs.create({ name: 'k', public_key: `ssh-ed25519 ${Buffer.alloc(51, 7).toString('base64')} x` });
    expect((await tenant.keypairs.list()).map((k) => k.name)).toEqual(['k']);
    expect(await admin.keypairs.list()).toEqual([]);
    await expect(tenant.keypairs.create({ name: 'bad', public_key: 'nonsense' })).rejects.toMatchObject({ code: 'OS_BAD_REQUEST' });
    const flavor = await admin.flavors.create({ name: 'secret', vcpus: 1, ram: 64, disk: 0, 'os-flavor-access:is_public': false });
    await admin.flavors.setExtraSpecs(flavor.id, { 'hw:cpu_policy': 'dedicated' });
    await expect(tenant.flavors.get(flavor.id)).rejects.toMatchObject({ code: 'OS_NOT_FOUND' });
    expect((await admin.flavors.list({ is_public: 'none' })).find((f) => f.name === 'secret')?.extra_specs).toEqual({ 'hw:cpu_policy': 'dedicated' });
    expect((await admin.services.list({ binary: 'nova-compute' })).map((s) => [s.host, s.state])).toEqual([['site1-c1', 'up']]);
    emulator.inject({ kind: 'daemon-down', site: 'site1', daemon: 'nova-compute' });
    await expect.poll(async () => (await admin.services.list({ binary: 'nova-compute' }))[0]?.state).toBe('down');
  });
});

describe('createImage', () => {
  it('of a server on volumes freezes its guest, and names snapshots of one moment', async () => {
    const world = await vnf();
    const { emulator, tenant, id, root } = world;
    await expect.poll(() => rpc(emulator)('unquiesce_instance', id).then(() => 'up', () => 'booting'), { interval: 5 }).toBe('up');
    const image = await tenant.compute.servers.createImage(id, { name: 'i' });
    const mapping = JSON.parse(String((await tenant.image.get(image))['block_device_mapping'])) as { snapshot_id: string }[];
    for (const { snapshot_id } of mapping) await expect.poll(async () => (await tenant.volume.snapshots.get(snapshot_id)).status, { interval: 5 }).toBe('available');
    expect(emulator.frozen()).toEqual([]);
    expect(emulator.inventory('site1')[0]?.resources.find((r) => r.id === id)?.['longestFreezeMs']).toBeGreaterThan(0);
    const restored = await Promise.all(mapping.map(({ snapshot_id }) => tenant.volume.volumes.create({ name: 'r', size: 1, snapshot_id })));
    for (const v of restored) await expect.poll(async () => (await tenant.volume.volumes.get(v.id)).status, { interval: 5 }).toBe('available');
    const [n0, n1] = restored.map((v) => numbers(world, v.id).length);
    expect((n0 ?? 0) - (n1 ?? 0)).toBeOneOf([0, 1]);
    expect(n0).toBeGreaterThan(0);
    expect(n0).toBeLessThanOrEqual(numbers(world, root).length);
  });

  it('of a server with a disk of its own copies that disk; one booted from the copy goes on where it ended', async () => {
    const emulator = await emulate({ writerMs: 4 });
    const tenant = cloud(emulator, 'site1');
    const log = (server: string): number[] => {
      const guests = emulator.site('site1').part('guests');
      guests.flush(`local:${server}`);
      const contents = guests.contents(`local:${server}`);
      return contents ? readGuestLog(contents).split('\n').filter(Boolean).map((line) => Number(line.split(' ')[0])) : [];
    };
    const boot = async (imageRef: string): Promise<string> => {
      const flavorRef = (await tenant.compute.flavors.list()).find((f) => f.name === 'vnf.local')?.id ?? '';
      const { id } = await tenant.compute.servers.create({ server: { name: 'fw', flavorRef, imageRef, networks: 'none', block_device_mapping_v2: [{ boot_index: 0, uuid: imageRef, source_type: 'image', destination_type: 'local', delete_on_termination: true }] } });
      await status(tenant, id, 'ACTIVE');
      return id;
    };
    const first = await boot((await tenant.image.list({ name: 'godwit-guest' }))[0]?.id ?? '');
    await expect.poll(() => log(first).length).toBeGreaterThan(2);
    const image = await tenant.compute.servers.createImage(first, { name: 'i' });
    await expect.poll(async () => (await tenant.image.get(image)).status, { interval: 5 }).toBe('active');
    const seen = await tenant.image.get(image);
    expect(seen).toMatchObject({ disk_format: 'qcow2', min_disk: 1, hw_qemu_guest_agent: 'yes', base_image_ref: expect.any(String) as unknown });
    expect(seen.size).toBeLessThan(2 ** 24);
    const copied = log(first).length;
    const second = await boot(image);
    await expect.poll(() => log(second).length).toBeGreaterThan(copied);
    const went = log(second);
    expect(went).toEqual(went.map((_, i) => i + 1));
    // A Glance without room: Nova gives the image up.
    emulator.inject({ kind: 'storage-full', site: 'site1' });
    const lost = await tenant.compute.servers.createImage(first, { name: 'k' });
    await expect.poll(() => tenant.image.get(lost).then((i) => i.status, (e: { code: string }) => e.code), { interval: 5 }).toBe('OS_NOT_FOUND');
  });
});

describe('guests', () => {
  it('write to both volumes until they are frozen, and go on when thawed; nova-compute answers as measured', async () => {
    const world = await vnf();
    const { emulator, id, root, data } = world;
    const call = rpc(emulator);
    await expect.poll(() => numbers(world, root).length).toBeGreaterThan(2);
    await expect.poll(() => call('quiesce_instance', id).then(() => 'frozen', (e: { remote?: { class: string } }) => e.remote?.class), { interval: 5 }).toBe('frozen');
    const [n0, n1] = [numbers(world, root).length, numbers(world, data).length];
    expect(n0 - n1).toBeOneOf([0, 1]);
    expect(emulator.frozen()).toMatchObject([{ site: 'site1', server: id, name: 'web' }]);
    await expect(call('quiesce_instance', id)).rejects.toMatchObject({ remote: { class: 'InternalError', message: expect.stringContaining('[Error Code 113]') as unknown } });
    await new Promise((done) => setTimeout(done, 30));
    expect(numbers(world, root)).toHaveLength(n0);
    expect(await call('unquiesce_instance', id)).toBeNull();
    expect(await call('unquiesce_instance', id)).toBeNull();
    await expect.poll(() => numbers(world, data).length).toBeGreaterThan(n1 + 1);
    expect(numbers(world, data)).toEqual(numbers(world, data).map((_, i) => i + 1));
    await expect(call('quiesce_instance', '11111111-2222-4333-8444-555555555555')).rejects.toMatchObject({ remote: { class: 'InstanceNotFound' } });
    await expect(call('dance', id)).rejects.toMatchObject({ remote: { class: 'NoSuchMethod' } });
  });

  it('an absent agent refuses; a hung one says nothing, and freezes when it is back', async () => {
    const { emulator, id } = await vnf();
    const call = rpc(emulator);
    await expect.poll(() => call('unquiesce_instance', id).then(() => 'up', () => 'booting'), { interval: 5 }).toBe('up');
    const absent = emulator.inject({ kind: 'guest-agent', site: 'site1', server: id, how: 'absent' });
    await expect(call('quiesce_instance', id)).rejects.toMatchObject({ remote: { class: 'InstanceQuiesceFailed' } });
    absent.lift();
    const hung = emulator.inject({ kind: 'guest-agent', site: 'site1', server: id, how: 'hung' });
    await expect(call('quiesce_instance', id, 100)).rejects.toMatchObject({ code: 'RPC_TIMEOUT' });
    await expect(call('unquiesce_instance', id)).rejects.toMatchObject({ remote: { message: expect.stringContaining('[Error Code 68]') as unknown } });
    expect(emulator.frozen()).toEqual([]);
    hung.lift();
    await expect.poll(() => emulator.frozen().length).toBe(1);
    await call('unquiesce_instance', id);
    expect(emulator.frozen()).toEqual([]);
  });

  it('die with their site, frozen or not, and stay off when it is back; a dead compute host leaves the APIs', async () => {
    const world = await vnf();
    const { emulator, tenant, id, root } = world;
    await expect.poll(() => rpc(emulator)('quiesce_instance', id).then(() => 'frozen', () => 'booting'), { interval: 5 }).toBe('frozen');
    emulator.inject({ kind: 'site-down', site: 'site1' }).lift();
    expect(emulator.frozen()).toEqual([]);
    await status(tenant, id, 'SHUTOFF');
    const before = numbers(world, root).length;
    await tenant.compute.servers.start(id);
    await status(tenant, id, 'ACTIVE');
    await expect.poll(() => numbers(world, root).length).toBeGreaterThan(before);
    const host = emulator.inject({ kind: 'daemon-down', site: 'site1', daemon: 'hypervisor' });
    await tenant.compute.servers.stop(id);
    await new Promise((done) => setTimeout(done, 30));
    expect((await tenant.compute.servers.get(id))['OS-EXT-STS:task_state']).toBe('powering-off');
    host.lift();
    await status(tenant, id, 'SHUTOFF');
  });
});

describe('a saved world', () => {
  it('is put back in place: resources, ids to come, guests; tokens stay good', async () => {
    const world = await vnf();
    const { emulator, tenant, id, root } = world;
    await expect.poll(() => emulator.working).toBe(0);
    const saved = emulator.save();
    const inventory = JSON.stringify(emulator.inventory());
    const made = await tenant.volume.volumes.create({ name: 'new', size: 1 });
    await tenant.compute.servers.delete(id);
    emulator.inject({ kind: 'site-down', site: 'site1' });
    emulator.restore(saved);
    expect(JSON.stringify(emulator.inventory())).toBe(inventory);
    expect((await tenant.compute.servers.get(id)).status).toBe('ACTIVE');
    const before = numbers(world, root).length;
    await expect.poll(() => numbers(world, root).length).toBeGreaterThan(before);
    expect((await tenant.volume.volumes.create({ name: 'new', size: 1 })).id).toBe(made.id);
    expect(emulator.changes.map((c) => `${c.method} ${c.service}`)).toEqual(['POST volume']);
  });

  it('tells other processes over HTTP what it tells its own', async () => {
    const { emulator, id } = await vnf();
    const get = async (path: string, init?: RequestInit): Promise<unknown> => (await fetch(`${emulator.url}/_emulator/${path}`, init)).json();
    expect(await get('inventory?site=site1')).toMatchObject({ sites: [{ site: 'site1', resources: expect.arrayContaining([expect.objectContaining({ kind: 'server', id })]) as unknown }] });
    const fault = (await get('faults', { method: 'POST', body: JSON.stringify({ kind: 'error', site: 'site1', status: 500 }) })) as { id: number };
    expect((await fetch(`${emulator.url}/site1/compute/`)).status).toBe(500);
    await get(`faults/${String(fault.id)}`, { method: 'DELETE' });
    expect((await fetch(`${emulator.url}/site1/compute/`)).status).toBe(200);
    expect(await get('faults', { method: 'POST', body: '{"kind":"flood"}' })).toMatchObject({ code: 'EMU_FAULT' });
    expect(await get('nothing')).toMatchObject({ code: 'EMU_BAD_REQUEST' });
  });

  it('lets a listener act between a request and its effect, and between the effect and its answer', async () => {
    const { emulator, tenant, id } = await vnf();
    const seen: string[] = [];
    const end = emulator.tap(async (event) => {
      if (!event.mutates) return;
      seen.push(`${event.phase} ${event.service} ${event.method} ${event.path.replace(id, 'ID')}: ${emulator.inventory('site1')[0]?.resources.find((r) => r.id === id)?.['locked'] === null ? 'open' : 'locked'}`);
      await Promise.resolve();
    });
    await tenant.compute.servers.lock(id);
    end();
    expect(seen).toEqual(['arrived compute POST /v2.1/servers/ID/action: open', 'done compute POST /v2.1/servers/ID/action: locked']);
  });
});
