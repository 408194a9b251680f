import type { ServerCreate } from '@godwit/openstack';
import { createNovaCompute, type GuestRef, type NovaCompute } from '@godwit/sites';
import { RpcError, type RpcErrorCode } from '@godwit/oslo-messaging';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { fault, is, list, one, webobError } from '../src/shapes/base.ts';
import { adminServer, attachedVolume, bornServer, buildingServer, failedServer, flavor, interfaceAttachment, quota, service as serviceShape, tenantServer, zones } from '../src/shapes/compute.ts';
import { adminPort } from '../src/shapes/network.ts';
import { adminVolume, bornSnapshot, snapshot } from '../src/shapes/volume.ts';
import { answers, NO_UUID, passes, raw, refuses, type Suite } from '../src/suite.ts';
import { bad, conflict, forbidden, gone, notDeletable } from './volume.ts';

const lockReason = 'Godwit: its group is active elsewhere, epoch 2';
const overQuota = (what: string) => ({ status: 403, body: fault('forbidden', 403, new RegExp(`^Quota exceeded for ${what}: Requested \\d+, but already used 0 of 0 ${what}$`)), code: 'OS_OVER_LIMIT', godwit: 'GW_QUOTA' }) as const;

export function compute(suite: Suite): void {
  describe('compute', () => {
    it('says what it speaks, and refuses what is newer or no version', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      expect(await godwit.session.versions('compute')).toEqual({ min: '2.1', max: '2.100' });
      const at = (version: string) => (url: string, token: string) => suite.target.send('GET', `${url}/servers`, { 'x-auth-token': token, 'openstack-api-version': `compute ${version}` });
      await raw(tenant, 'compute', at('2.999'), { status: 406, body: fault('computeFault', 406, /^Version 2\.999 is not supported by the API\. Minimum is 2\.1 and maximum is 2\.100\.$/) });
      await raw(tenant, 'compute', at('banana'), { status: 400, body: fault('badRequest', 400, /^API Version String banana is of invalid format\. Must be of format MajorNum\.MinorNum\.$/), microversion: false });
    });

    it('refuses what is no token, no JSON, no path', async () => {
      const tenant = await suite.cloud('tenant');
      await raw(tenant, 'compute', (url) => suite.target.send('GET', `${url}/servers`, { 'x-auth-token': 'gibberish' }), { status: 401, body: z.strictObject({ error: z.strictObject({ code: is(401), title: is('Unauthorized'), message: is('The request you have made requires authentication.') }) }) });
      await raw(tenant, 'compute', (url, token) => suite.target.send('POST', `${url}/servers`, { 'x-auth-token': token, 'content-type': 'application/json', 'openstack-api-version': 'compute 2.96' }, '{"server":'), { status: 400, body: fault('badRequest', 400, /^Malformed request body$/) });
      await raw(tenant, 'compute', (url, token) => suite.target.send('GET', `${url}/nothing`, { 'x-auth-token': token }), { status: 404, body: webobError('404 Not Found', /^The resource could not be found\./) });
    });

    it('lists daemons to administrators; flavors and zones to all', async () => {
      const [service, godwit, tenant] = [await suite.cloud('service'), await suite.cloud('godwit'), await suite.cloud('tenant')];
      const daemons = await answers(() => service.compute.services.list({ binary: 'nova-compute' }), { status: 200, body: list('services', serviceShape) });
      expect(daemons).toEqual([expect.objectContaining({ host: suite.target.computeHost('site1'), zone: 'nova', status: 'enabled', state: 'up', forced_down: false })]);
      await refuses(() => tenant.compute.services.list({ binary: 'nova-compute' }), forbidden('os_compute_api:os-services:list'));
      const flavors = await answers(() => godwit.compute.flavors.list(), { status: 200, body: list('flavors', flavor) });
      expect(flavors.map((f) => `${f.name} ${f.vcpus} ${f.ram} ${f.disk}`).sort()).toEqual(['vnf.local 1 192 1', 'vnf.small 1 192 0']);
      await answers(() => tenant.compute.flavors.list(), { status: 200, body: list('flavors', flavor) });
      expect(await answers(() => godwit.compute.availabilityZones(), { status: 200, body: zones })).toEqual([{ name: 'nova', available: true }]);
    });

    it('shows quotas with use to the project and administrators; over them 403', async () => {
      const [godwit, tenant, stranger, admin] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger'), await suite.cloud('admin')];
      const [mine, other] = [await suite.projectId('tenant'), await suite.projectId('stranger')];
      const set = await answers(() => godwit.compute.quota(mine), { status: 200, body: one('quota_set', quota) });
      expect(set).toMatchObject({ instances: { limit: 10 }, cores: { limit: 20 }, ram: { limit: 51200 } });
      await answers(() => tenant.compute.quota(mine), { status: 200, body: one('quota_set', quota) });
      await refuses(() => tenant.compute.quota(other), forbidden('os_compute_api:os-quota-sets:detail'));
      await refuses(() => tenant.compute.setQuota(mine, { cores: 1 }), forbidden('os_compute_api:os-quota-sets:update'));
      const [image, local] = [(await godwit.image.list({ name: 'godwit-guest' }))[0], (await godwit.compute.flavors.list()).find((f) => f.name === 'vnf.local')];
      for (const [what, limit] of [['instances', 10], ['cores', 20], ['ram', 51200]] as const) {
        await admin.compute.setQuota(other, { [what]: 0 });
        try {
          await refuses(() => stranger.compute.servers.create({ server: { name: 'contract', flavorRef: local?.id ?? '', imageRef: image?.id ?? '', networks: 'none' } }), overQuota(what));
        } finally {
          await admin.compute.setQuota(other, { [what]: limit });
        }
      }
    });
  });
}

/** One server from two volumes: built, shown, frozen, locked, stopped, started, deleted. One state after another, so in order. */
export function server(suite: Suite): void {
  describe('compute: a server from volumes, and nova-compute', () => {
    const made = { root: '', data: '', port: '', server: '' };
    const request = (over: Record<string, unknown> = {}): Promise<ServerCreate> =>
      suite.cloud('tenant').then(async (tenant) => ({
        server: {
          name: 'contract-s', flavorRef: (await tenant.compute.flavors.list()).find((f) => f.name === 'vnf.small')?.id ?? '', config_drive: true, availability_zone: 'nova', networks: [{ port: made.port }], metadata: { role: 'x' }, tags: ['a'],
          block_device_mapping_v2: [made.root, made.data].map((uuid, n) => ({ boot_index: n === 0 ? 0 : -1, uuid, source_type: 'volume' as const, destination_type: 'volume' as const, delete_on_termination: false })),
          ...over,
        },
      }));
    const state = async (): Promise<string> => {
      const s = await (await suite.cloud('godwit')).compute.servers.get(made.server);
      return `${s.status}/${String(s['OS-EXT-STS:task_state'])}`;
    };
    const nova = (): NovaCompute => createNovaCompute(() => suite.target.rpc('site1'), { isAdmin: true, userId: 'godwit', projectId: 'godwit', roles: ['admin'] });
    const guest = (over: Partial<GuestRef> = {}): GuestRef => ({ serverId: made.server, host: suite.target.computeHost('site1'), ...over });
    const fails = async (call: Promise<unknown>, code: RpcErrorCode, remote?: { readonly class: string; readonly module?: string; readonly message: RegExp }): Promise<void> => {
      const error: unknown = await call.then(() => undefined, (e: unknown) => e);
      if (!(error instanceof RpcError)) throw error instanceof Error ? error : new Error('the call was answered as if all were well');
      expect(error.code, error.message).toBe(code);
      if (remote) {
        expect(error.remote?.class).toBe(remote.class);
        if (remote.module) expect(error.remote?.module).toBe(remote.module);
        expect(error.remote?.message).toMatch(remote.message);
      }
    };

    it('a volume is made from an image, and brings its properties', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      const [image] = await tenant.image.list({ name: 'godwit-guest' });
      made.root = (await tenant.volume.volumes.create({ name: 'contract-root', size: 1, volume_type: 'ceph', imageRef: image?.id ?? '' })).id;
      made.data = (await tenant.volume.volumes.create({ name: 'contract-data', size: 1, volume_type: 'ceph' })).id;
      await passes(async () => (await tenant.volume.volumes.get(made.root)).status, ['creating', 'downloading'], 'available');
      await passes(async () => (await tenant.volume.volumes.get(made.data)).status, ['creating'], 'available');
      const seen = await answers(() => godwit.volume.volumes.get(made.root), { status: 200, body: one('volume', adminVolume) });
      expect(seen).toMatchObject({ bootable: 'true', volume_image_metadata: { hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes', image_id: image?.id, image_name: 'godwit-guest', container_format: 'bare', disk_format: 'raw', min_disk: '0', min_ram: '0', size: String(image?.size), checksum: image?.checksum } });
      const [net] = await tenant.network.networks.list({ name: 'vnf-net' });
      made.port = (await tenant.network.ports.create({ network_id: net?.id ?? '', name: 'contract-s', fixed_ips: [{ ip_address: '192.168.50.31' }] })).id;
    });

    it('refuses servers that cannot be', async () => {
      const [godwit, auditor, stranger] = [await suite.cloud('godwit'), await suite.cloud('auditor'), await suite.cloud('stranger')];
      const make = (over: Record<string, unknown>, cloud = godwit) => async () => cloud.compute.servers.create(await request(over));
      await refuses(() => godwit.compute.servers.get(NO_UUID), gone(/^Instance 11111111-.* could not be found\.$/));
      await refuses(make({ flavorRef: NO_UUID }), bad(/^Flavor 11111111-.* could not be found\.$/));
      await refuses(make({ block_device_mapping_v2: [{ boot_index: 0, uuid: NO_UUID, source_type: 'volume', destination_type: 'volume', delete_on_termination: false }] }), bad(/^Block Device Mapping is Invalid: failed to get volume 11111111-/));
      await refuses(make({ networks: [{ port: NO_UUID }] }), bad(/^Port id 11111111-.* could not be found\.$/));
      await refuses(make({ availability_zone: 'mars' }), bad(/^The requested availability zone is not available$/));
      await refuses(make({ colour: 'red' }), bad(/Additional properties are not allowed \('colour' was unexpected\)$/));
      await refuses(make({ name: '' }), bad(/^Invalid input for field\/attribute name\. Value: \. '' (is too short|should be non-empty)$/));
      await refuses(make({}, auditor), forbidden('os_compute_api:servers:create'));
      await refuses(make({ networks: 'none', availability_zone: undefined }, stranger), bad(/^Block Device Mapping is Invalid: failed to get volume /));
    });

    it('is built, passing through what Nova does', async () => {
      const [godwit, tenant, stranger, service, auditor] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger'), await suite.cloud('service'), await suite.cloud('auditor')];
      const body = await request();
      made.server = (await answers(() => godwit.compute.servers.create(body), { status: 202, body: one('server', bornServer), headers: { location: /\/servers\/[0-9a-f-]{36}$/ } })).id;
      await answers(() => godwit.compute.servers.get(made.server), { status: 200, body: one('server', z.union([buildingServer, adminServer.active])) });
      await passes(state, ['BUILD/scheduling', 'BUILD/null', 'BUILD/networking', 'BUILD/block_device_mapping', 'BUILD/spawning'], 'ACTIVE/null');
      const seen = await answers(() => godwit.compute.servers.get(made.server), { status: 200, body: one('server', adminServer.active) });
      expect(seen).toMatchObject({
        name: 'contract-s', config_drive: 'True', metadata: { role: 'x' }, tags: ['a'], locked: false, locked_reason: null, 'OS-EXT-AZ:availability_zone': 'nova', 'OS-EXT-SRV-ATTR:host': suite.target.computeHost('site1'), 'OS-EXT-SRV-ATTR:root_device_name': '/dev/vda',
        security_groups: [{ name: 'default' }], flavor: { original_name: 'vnf.small', vcpus: 1, ram: 192, disk: 0, ephemeral: 0, swap: 0 },
      });
      expect(seen.image).toBeUndefined();
      expect(seen['os-extended-volumes:volumes_attached'].map((v) => v.id).sort()).toEqual([made.root, made.data].sort());
      expect(seen.addresses['vnf-net']?.[0]).toMatchObject({ addr: '192.168.50.31', version: 4 });
      await answers(() => service.compute.servers.get(made.server), { status: 200, body: one('server', adminServer.active) });
      await answers(() => tenant.compute.servers.get(made.server), { status: 200, body: one('server', tenantServer.active) });
      await answers(() => auditor.compute.servers.get(made.server), { status: 200, body: one('server', tenantServer.active) });
      await refuses(() => stranger.compute.servers.get(made.server), gone(/^Instance .* could not be found\.$/));
      const all = await answers(() => godwit.compute.servers.list(), { status: 200, body: list('servers', adminServer.active) });
      expect(all.map((s) => s.id)).toEqual([made.server]);
      await refuses(() => tenant.compute.servers.list({ all_tenants: true }), forbidden('os_compute_api:servers:detail:get_all_tenants'));
    });

    it('its volumes and ports are seen from every side', async () => {
      const godwit = await suite.cloud('godwit');
      const { servers } = godwit.compute;
      const volumes = await answers(() => servers.volumeAttachments(made.server), { status: 200, body: list('volumeAttachments', attachedVolume) });
      expect(volumes.map((v) => `${v.device ?? ''} ${v.volumeId}`).sort()).toEqual([`/dev/vda ${made.root}`, `/dev/vdb ${made.data}`]);
      const interfaces = await answers(() => servers.interfaces(made.server), { status: 200, body: list('interfaceAttachments', interfaceAttachment) });
      expect(interfaces).toEqual([expect.objectContaining({ port_id: made.port })]);
      await refuses(() => servers.volumeAttachments(NO_UUID), gone(/^Instance 11111111-.* could not be found\.$/));
      await refuses(() => servers.interfaces(NO_UUID), gone(/^Instance 11111111-.* could not be found\.$/));
      const root = await answers(() => godwit.volume.volumes.get(made.root), { status: 200, body: one('volume', adminVolume) });
      expect(root).toMatchObject({ status: 'in-use', attachments: [{ server_id: made.server, device: '/dev/vda', volume_id: made.root, host_name: suite.target.computeHost('site1') }] });
      expect(root.attachments[0]?.attachment_id).toBe(volumes.find((v) => v.volumeId === made.root)?.attachment_id);
      const port = await answers(() => godwit.network.ports.get(made.port), { status: 200, body: one('port', adminPort) });
      expect(port).toMatchObject({ device_id: made.server, device_owner: 'compute:nova', status: 'ACTIVE', 'binding:host_id': suite.target.computeHost('site1'), 'binding:vif_type': 'ovs' });
      expect((await godwit.network.ports.list({ device_id: made.server })).map((p) => p.id)).toEqual([made.port]);
      await refuses(() => godwit.volume.volumes.delete(made.data), notDeletable);
      await refuses(() => godwit.volume.backups.create({ volume_id: made.data, name: 'x' }), bad(/^Invalid volume: Backing up an in-use volume must use the force flag\.$/));
      await refuses(async () => servers.create(await request({ block_device_mapping_v2: undefined, flavorRef: (await godwit.compute.flavors.list()).find((f) => f.name === 'vnf.local')?.id, imageRef: (await godwit.image.list({ name: 'godwit-guest' }))[0]?.id })), conflict(/^Port .* is still in use\.$/));
    });

    it('nova-compute freezes and thaws it, and says what it cannot', async () => {
      const [compute, rpc] = [nova(), suite.target.rpc('site1')];
      await rpc.ready(10_000);
      await suite.target.guestReady('site1', made.server);
      await passes(() => compute.unquiesce(guest(), 8_000).result.then(() => 'thawed', (e: RpcError) => (e.remote?.class === 'InstanceQuiesceFailed' ? 'no agent yet' : Promise.reject(e))), ['no agent yet'], 'thawed');
      expect(await compute.unquiesce(guest(), 8_000).result).toBeNull();
      const freeze = compute.quiesce(guest(), 8_000);
      expect(await freeze.result).toBeNull();
      expect(await freeze.settled).toBe('replied');
      await fails(compute.quiesce(guest(), 8_000).result, 'RPC_REMOTE', { class: 'InternalError', module: 'nova.exception', message: /^Error from libvirt while quiescing instance-[0-9a-f]{8}: \[Error Code 113\]/ });
      expect(await compute.unquiesce(guest(), 8_000).result).toBeNull();
      await fails(compute.quiesce(guest({ serverId: NO_UUID }), 8_000).result, 'RPC_REMOTE', { class: 'InstanceNotFound', module: 'nova.exception', message: /^Instance 11111111-.* could not be found\.$/ });
      await fails(compute.unquiesce(guest({ serverId: NO_UUID }), 8_000).result, 'RPC_REMOTE', { class: 'InstanceNotFound', message: /could not be found/ });
      await fails(compute.quiesce(guest({ host: 'nobody' }), 8_000).result, 'RPC_NO_ROUTE');
      const message = (method: string, version: string, exchange = 'nova') => ({ target: { exchange, topic: 'compute', server: guest().host, version }, method, args: {}, context: { isAdmin: true, userId: 'x', projectId: 'x', roles: ['admin'] } });
      await fails(rpc.call(message('unquiesce_instance', '6.9'), { timeoutMs: 5_000 }).result, 'RPC_UNSUPPORTED_VERSION', { class: 'UnsupportedVersion', message: /^Endpoint does not support RPC version 6\.9\. Attempted method: unquiesce_instance$/ });
      await fails(rpc.call(message('unquiesce_instance', '7.0'), { timeoutMs: 5_000 }).result, 'RPC_UNSUPPORTED_VERSION', { class: 'UnsupportedVersion', message: /RPC version 7\.0/ });
      await fails(rpc.call(message('dance', '6.0'), { timeoutMs: 5_000 }).result, 'RPC_REMOTE', { class: 'NoSuchMethod', message: /^Endpoint does not support RPC method dance$/ });
      // Godwit's user may write to `nova` alone.
      await fails(rpc.cast(message('unquiesce_instance', '6.0', 'cinder')), 'RPC_REFUSED');
    });

    it('the broker thaws when nobody else does', async () => {
      const compute = nova();
      expect(await compute.armed(guest())).toBeUndefined();
      await compute.arm(guest(), [1_500, 60_000]);
      expect(await compute.armed(guest())).toBe(2);
      await compute.quiesce(guest(), 8_000).result;
      await passes(async () => `${(await compute.armed(guest())) ?? 0} held`, ['2 held'], '1 held');
      // Thawed by the first of them: it can be frozen again.
      await passes(() => compute.quiesce(guest(), 8_000).result.then(() => 'frozen again', (e: RpcError) => (/Error Code 113/.test(e.remote?.message ?? '') ? 'still frozen' : Promise.reject(e))), ['still frozen'], 'frozen again');
      await compute.unquiesce(guest(), 8_000).result;
      expect(await compute.disarm(guest())).toBe(1);
      expect(await compute.disarm(guest())).toBe(0);
      expect(await compute.armed(guest())).toBeUndefined();
    });

    it('a guest agent that hangs gives no answer, one that is gone an error at once', async () => {
      const compute = nova();
      const target = { id: made.server, ip: '192.168.50.31' };
      await suite.target.guestAgent('site1', target, 'stop');
      const freeze = compute.quiesce(guest(), 1_500);
      await fails(freeze.result, 'RPC_TIMEOUT');
      await suite.target.guestAgent('site1', target, 'cont');
      // The freeze that nobody waits for any more is carried out now, and answered.
      expect(await freeze.settled).toBe('replied');
      await passes(() => compute.unquiesce(guest(), 8_000).result.then(() => 'thawed', () => 'not yet'), ['not yet'], 'thawed');
      await suite.target.guestAgent('site1', target, 'kill');
      await passes(
        () => compute.quiesce(guest(), 8_000).result.then(() => 'frozen', (e: RpcError) => (e.remote?.class === 'InstanceQuiesceFailed' && /\[Error Code 86\]/.test(e.remote.message) ? 'no agent' : Promise.reject(e))),
        ['frozen'], 'no agent',
      );
      await suite.target.guestAgent('site1', target, 'start');
      await passes(() => compute.unquiesce(guest(), 8_000).result.then(() => 'thawed', (e: RpcError) => (e.remote?.class === 'InstanceQuiesceFailed' ? 'no agent yet' : Promise.reject(e))), ['no agent yet'], 'thawed');
    });

    it('an image of it names a snapshot of each of its volumes, and has no bytes', async () => {
      const [godwit, stranger] = [await suite.cloud('godwit'), await suite.cloud('stranger')];
      const { snapshots } = godwit.volume;
      const { servers } = godwit.compute;
      await refuses(() => servers.createImage(NO_UUID, { name: 'x' }), gone(/^Instance 11111111-.* could not be found\.$/));
      await refuses(() => stranger.compute.servers.createImage(made.server, { name: 'x' }), gone(/^Instance .* could not be found\.$/));
      const id = await answers(() => servers.createImage(made.server, { name: 'contract-image', metadata: { godwit_point: 'p', godwit_group: 'g' } }), { status: 202, body: z.strictObject({ image_id: z.uuid() }) });
      await passes(async () => (await godwit.image.get(id)).status, ['queued'], 'active');
      const image = await godwit.image.get(id);
      expect(image).toMatchObject({ name: 'contract-image', owner: await suite.projectId('godwit'), godwit_point: 'p', hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes', bdm_v2: 'True' });
      expect(image.size ?? 0).toBe(0);
      const mapping = JSON.parse(String(image['block_device_mapping'])) as { source_type: string; snapshot_id: string; boot_index: number | null; volume_size: number }[];
      expect(mapping.map((m) => [m.source_type, m.volume_size])).toEqual([['snapshot', 1], ['snapshot', 1]]);
      for (const { snapshot_id } of mapping) await passes(async () => (await snapshots.get(snapshot_id)).status, ['creating'], 'available');
      const named = await answers(() => snapshots.list({ name: 'snapshot for contract-image' }), { status: 200, body: list('snapshots', snapshot) });
      expect(named.map((s) => [s.volume_id, s.id]).sort()).toEqual((await Promise.all(mapping.map(async (m) => [(await snapshots.get(m.snapshot_id)).volume_id, m.snapshot_id]))).sort());
      // The guest was frozen, and is not any more.
      expect(await nova().unquiesce(guest(), 8_000).result).toBeNull();
      // Its snapshots outlive the image.
      await godwit.image.delete(id);
      const own = await answers(() => snapshots.create({ volume_id: made.data, name: 'contract-own', description: 'd', force: true }), { status: 202, body: one('snapshot', bornSnapshot) });
      await passes(async () => (await snapshots.get(own.id)).status, ['creating'], 'available');
      for (const s of [own.id, ...mapping.map((m) => m.snapshot_id)]) {
        await answers(() => snapshots.delete(s), { status: 202 });
        await passes(async () => snapshots.get(s).then((x) => x.status, (e: { code?: string }) => (e.code === 'OS_NOT_FOUND' ? 'gone' : Promise.reject(e as Error))), ['available', 'deleting'], 'gone');
      }
    });

    it('a lock keeps its tenant from it; one over another is taken only from an administrator of another project', async () => {
      const [godwit, tenant, service, auditor] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('service'), await suite.cloud('auditor')];
      const { servers } = godwit.compute;
      const lockOf = async (): Promise<string> => {
        const s = await servers.get(made.server);
        return `${String(s.locked)} ${String(s.locked_reason)}`;
      };
      await answers(() => servers.lock(made.server, { reason: lockReason }), { status: 202 });
      const seen = await answers(() => tenant.compute.servers.get(made.server), { status: 200, body: one('server', tenantServer.active) });
      expect(seen).toMatchObject({ locked: true, locked_reason: lockReason });
      // Accepted, and nothing changes: whoever wants another reason must unlock first.
      await answers(() => servers.lock(made.server, { reason: 'another' }), { status: 202 });
      expect(await lockOf()).toBe(`true ${lockReason}`);
      await refuses(() => tenant.compute.servers.stop(made.server), conflict(/^Instance .* is locked$/));
      await refuses(() => tenant.compute.servers.delete(made.server), conflict(/^Instance .* is locked$/));
      await refuses(() => auditor.compute.servers.lock(made.server), forbidden('os_compute_api:os-lock-server:lock'));
      await refuses(() => auditor.compute.servers.stop(made.server), forbidden('os_compute_api:servers:stop'));
      // A lock from the server's own project is the tenant's as well to take off.
      await answers(() => tenant.compute.servers.unlock(made.server), { status: 202 });
      expect(await lockOf()).toBe('false null');
      await answers(() => tenant.compute.servers.lock(made.server), { status: 202 });
      await answers(() => servers.lock(made.server, { reason: lockReason }), { status: 202 });
      expect(await lockOf(), 'the tenant\'s lock stays').toBe('true null');
      await answers(() => service.compute.servers.lock(made.server, { reason: lockReason }), { status: 202 });
      expect(await lockOf()).toBe(`true ${lockReason}`);
      await refuses(() => tenant.compute.servers.unlock(made.server), forbidden('os_compute_api:os-lock-server:unlock:unlock_override'));
      await answers(() => servers.unlock(made.server), { status: 202 });
      await answers(() => servers.unlock(made.server), { status: 202 });
      await refuses(() => servers.lock(NO_UUID, { reason: 'x' }), gone(/^Instance 11111111-.* could not be found\.$/));
      await refuses(() => servers.unlock(NO_UUID), gone(/^Instance 11111111-.* could not be found\.$/));
    });

    it('is stopped and started, each once', async () => {
      const godwit = await suite.cloud('godwit');
      const { servers } = godwit.compute;
      await servers.lock(made.server, { reason: lockReason });
      await refuses(() => servers.start(made.server), conflict(/^Cannot 'start' instance .* while it is in vm_state active$/));
      await answers(() => servers.stop(made.server), { status: 202 });
      await refuses(() => servers.stop(made.server), conflict(/^Cannot 'stop' instance .* while it is in (task_state powering-off|vm_state stopped)$/));
      await passes(state, ['ACTIVE/powering-off'], 'SHUTOFF/null');
      await answers(() => servers.get(made.server), { status: 200, body: one('server', adminServer.stopped) });
      await refuses(() => servers.stop(made.server), conflict(/^Cannot 'stop' instance .* while it is in vm_state stopped$/));
      const compute = nova();
      await fails(compute.quiesce(guest(), 8_000).result, 'RPC_REMOTE', { class: 'InternalError', message: /\[Error Code 55\]/ });
      await fails(compute.unquiesce(guest(), 8_000).result, 'RPC_REMOTE', { class: 'InternalError', message: /\[Error Code 55\]/ });
      await answers(() => servers.start(made.server), { status: 202 });
      await passes(state, ['SHUTOFF/powering-on'], 'ACTIVE/null');
      await servers.unlock(made.server);
      await refuses(() => servers.stop(NO_UUID), gone(/^Instance 11111111-.* (could not be found|has no mapping to a cell)\.$/));
      await refuses(() => servers.start(NO_UUID), gone(/^Instance 11111111-.* (could not be found|has no mapping to a cell)\.$/));
    });

    it('one that fits nowhere ends in ERROR and says why', async () => {
      const [admin, stranger] = [await suite.cloud('admin'), await suite.cloud('stranger')];
      const project = await suite.projectId('stranger');
      const big = await admin.compute.flavors.create({ name: 'contract-big', vcpus: 1, ram: 2_000_000, disk: 1 });
      await admin.compute.setQuota(project, { ram: 9_999_999 });
      try {
        const [image] = await stranger.image.list({ name: 'godwit-guest' });
        const { id } = await stranger.compute.servers.create({ server: { name: 'contract-big', flavorRef: big.id, imageRef: image?.id ?? '', networks: 'none' } });
        await passes(async () => (await stranger.compute.servers.get(id)).status, ['BUILD'], 'ERROR');
        await answers(() => stranger.compute.servers.get(id), { status: 200, body: one('server', failedServer) });
        await answers(() => stranger.compute.servers.delete(id), { status: 204 });
        await passes(async () => (await stranger.compute.servers.get(id)).status, ['ERROR'], 'gone');
      } finally {
        await admin.compute.setQuota(project, { ram: 51_200 });
        await admin.compute.flavors.delete(big.id);
      }
    });

    it('is deleted; its port and volumes stay, free', async () => {
      const [godwit, auditor] = [await suite.cloud('godwit'), await suite.cloud('auditor')];
      const { servers } = godwit.compute;
      await refuses(() => auditor.compute.servers.delete(made.server), forbidden('os_compute_api:servers:delete'));
      await answers(() => servers.delete(made.server), { status: 204 });
      // An administrator sees it as deleted for a moment.
      await passes(state, ['ACTIVE/null', 'ACTIVE/deleting', 'DELETED/null'], 'gone');
      await refuses(() => servers.delete(made.server), gone(/^Instance .* could not be found\.$/));
      expect(await godwit.network.ports.get(made.port)).toMatchObject({ device_id: '', device_owner: '', status: 'DOWN' });
      await passes(async () => (await godwit.volume.volumes.get(made.root)).status, ['in-use', 'detaching'], 'available');
      await passes(async () => (await godwit.volume.volumes.get(made.data)).status, ['in-use', 'detaching'], 'available');
      await godwit.network.ports.delete(made.port);
      for (const id of [made.root, made.data]) await godwit.volume.volumes.delete(id);
    });
  });
}
