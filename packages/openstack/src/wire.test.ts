import { describe, expect, it } from 'vitest';
import type { Cloud } from './cloud.ts';
import { useStub, volume } from './testing/use-stub.ts';

const V = '/volume/v3/p1';
const group = { id: 'g', status: 'available', group_type: 't' };
const server = { id: 's', name: 's', status: 'ACTIVE', tenant_id: 'p1', flavor: {} };
/** One answer for all calls: each reads its part of it. */
const ANSWER = {
  volume: volume('v'), snapshot: { id: 'n', status: 'available', size: 1, volume_id: 'v' }, group, group_type: { id: 't', name: 't' },
  group_snapshot: { id: 'gs', status: 'available', group_id: 'g' }, backup: { id: 'b', status: 'available' }, restore: { backup_id: 'b', volume_id: 'v' },
  'backup-record': { backup_service: 'posix', backup_url: 'e30=' }, server, image_id: 'i', output: 'text', keypair: { name: 'k', public_key: 'p', fingerprint: 'f' },
  quota_set: { id: 'p1', volumes: { limit: 10, in_use: 3, reserved: 1 } }, volumes: [], snapshots: [], groups: [], backups: [], servers: [],
  volumeAttachments: [{ volumeId: 'v', serverId: 's', device: '/dev/vda' }], interfaceAttachments: [{ port_id: 'p', net_id: 'n', mac_addr: 'm', fixed_ips: null }],
};

/** What a call sends is a contract with the services: a change here must be meant. */
describe('the wire', () => {
  const calls: [string, (cloud: Cloud) => Promise<unknown>, string, unknown?][] = [
    ['volumes.create', (c) => c.volume.volumes.create({ size: 1, name: 'n', volume_type: 'ceph', backup_id: 'b' }), `POST ${V}/volumes`, { volume: { size: 1, name: 'n', volume_type: 'ceph', backup_id: 'b' } }],
    ['volumes.delete', (c) => c.volume.volumes.delete('v', { cascade: true }), `DELETE ${V}/volumes/v?cascade=true`],
    ['volumes.setBootable', (c) => c.volume.volumes.setBootable('v', true), `POST ${V}/volumes/v/action`, { 'os-set_bootable': { bootable: true } }],
    ['volumes.setImageMetadata', (c) => c.volume.volumes.setImageMetadata('v', { a: 'b' }), `POST ${V}/volumes/v/action`, { 'os-set_image_metadata': { metadata: { a: 'b' } } }],
    ['volumes.resetStatus', (c) => c.volume.volumes.resetStatus('v', 'error'), `POST ${V}/volumes/v/action`, { 'os-reset_status': { status: 'error' } }],
    ['snapshots.create', (c) => c.volume.snapshots.create({ volume_id: 'v', force: false }), `POST ${V}/snapshots`, { snapshot: { volume_id: 'v' } }],
    ['snapshots.create of a volume in use', (c) => c.volume.snapshots.create({ volume_id: 'v', force: true }), `POST ${V}/snapshots`, { snapshot: { volume_id: 'v', force: true } }],
    ['groups.get', (c) => c.volume.groups.get('g'), `GET ${V}/groups/g?list_volume=true`],
    ['groups.create', (c) => c.volume.groups.create({ group_type: 't', volume_types: ['x'] }), `POST ${V}/groups`, { group: { group_type: 't', volume_types: ['x'] } }],
    ['groups.update', (c) => c.volume.groups.update('g', { add_volumes: ['a', 'b'], remove_volumes: [] }), `PUT ${V}/groups/g`, { group: { add_volumes: 'a,b' } }],
    ['groups.delete', (c) => c.volume.groups.delete('g'), `POST ${V}/groups/g/action`, { delete: { 'delete-volumes': false } }],
    ['groupSnapshots.create', (c) => c.volume.groupSnapshots.create({ group_id: 'g', name: 'n' }), `POST ${V}/group_snapshots`, { group_snapshot: { group_id: 'g', name: 'n' } }],
    ['backups.create', (c) => c.volume.backups.create({ volume_id: 'v', snapshot_id: 'n', incremental: true, metadata: { a: 'b' } }), `POST ${V}/backups`, { backup: { volume_id: 'v', snapshot_id: 'n', incremental: true, metadata: { a: 'b' } } }],
    ['backups.delete', (c) => c.volume.backups.delete('b'), `DELETE ${V}/backups/b`],
    ['backups.delete by force', (c) => c.volume.backups.delete('b', { force: true }), `POST ${V}/backups/b/action`, { 'os-force_delete': {} }],
    ['backups.restore', (c) => c.volume.backups.restore('b', { volume_id: 'v' }), `POST ${V}/backups/b/restore`, { restore: { volume_id: 'v' } }],
    ['backups.exportRecord', (c) => c.volume.backups.exportRecord('b'), `GET ${V}/backups/b/export_record`],
    ['backups.importRecord', (c) => c.volume.backups.importRecord({ backup_service: 'posix', backup_url: 'e30=' }), `POST ${V}/backups/import_record`, { 'backup-record': { backup_service: 'posix', backup_url: 'e30=' } }],
    ['backups.list', (c) => c.volume.backups.list({ volume_id: 'v', status: 'available' }), `GET ${V}/backups/detail?volume_id=v&status=available`],
    ['volume.quota', (c) => c.volume.quota('p1'), `GET ${V}/os-quota-sets/p1?usage=true`],
    ['servers.start', (c) => c.compute.servers.start('s'), 'POST /compute/v2.1/servers/s/action', { 'os-start': null }],
    ['servers.stop', (c) => c.compute.servers.stop('s'), 'POST /compute/v2.1/servers/s/action', { 'os-stop': null }],
    ['servers.lock', (c) => c.compute.servers.lock('s', { reason: 'fenced' }), 'POST /compute/v2.1/servers/s/action', { lock: { locked_reason: 'fenced' } }],
    ['servers.unlock', (c) => c.compute.servers.unlock('s'), 'POST /compute/v2.1/servers/s/action', { unlock: null }],
    ['servers.createImage', (c) => c.compute.servers.createImage('s', { name: 'n' }), 'POST /compute/v2.1/servers/s/action', { createImage: { name: 'n' } }],
    ['servers.consoleOutput', (c) => c.compute.servers.consoleOutput('s', 10), 'POST /compute/v2.1/servers/s/action', { 'os-getConsoleOutput': { length: 10 } }],
    ['servers.volumeAttachments', (c) => c.compute.servers.volumeAttachments('s'), 'GET /compute/v2.1/servers/s/os-volume_attachments'],
    ['servers.interfaces', (c) => c.compute.servers.interfaces('s'), 'GET /compute/v2.1/servers/s/os-interface'],
    ['servers.list', (c) => c.compute.servers.list({ name: '^vnf$', all_tenants: true }), 'GET /compute/v2.1/servers/detail?name=%5Evnf%24&all_tenants=true'],
    ['keypairs.get', (c) => c.compute.keypairs.get('a/b', { user_id: 'u' }), 'GET /compute/v2.1/os-keypairs/a%2Fb?user_id=u'],
    ['compute.quota', (c) => c.compute.quota('p1'), 'GET /compute/v2.1/os-quota-sets/p1/detail'],
    ['assignments.grant', (c) => c.identity.assignments.grant({ userId: 'u', projectId: 'p', roleId: 'r' }), 'PUT /identity/v3/projects/p/users/u/roles/r'],
  ];
  it.each(calls)('%s', async (_name, call, line, body) => {
    const stub = await useStub();
    for (const prefix of ['GET', 'POST', 'PUT', 'DELETE']) {
      stub.on(prefix, (seen) => (seen.path.endsWith('/auth/tokens') || /\/v(3|2\.1)\/$/.test(seen.path) ? undefined : { json: ANSWER }));
    }
    await call(stub.cloud());
    const sent = stub.requests.at(-1);
    expect(`${sent?.method} ${sent?.path}`).toBe(line);
    expect(sent?.body ? JSON.parse(sent.body) : undefined).toEqual(body);
  });

  it('reads quotas of all services alike', async () => {
    const stub = await useStub();
    stub.on(`GET ${V}/os-quota-sets`, () => ({ json: ANSWER }));
    stub.on('GET /network/v2.0/quotas/p1/details.json', () => ({ json: { quota: { port: { limit: -1, used: 4, reserved: 0 } } } }));
    const cloud = stub.cloud();
    expect(await cloud.volume.quota('p1')).toEqual({ volumes: { limit: 10, inUse: 3, reserved: 1 } });
    expect(await cloud.network.quota('p1')).toEqual({ port: { limit: -1, inUse: 4, reserved: 0 } });
  });

  it.each(['', '..', 'a/../b', 'a?x=1', 'ü'])('an id like %j never becomes another address', async (id) => {
    const stub = await useStub();
    const { volume: api } = stub.cloud();
    await expect(api.volumes.get(id)).rejects.toMatchObject({ code: id === '' ? 'OS_BAD_REQUEST' : 'OS_NOT_FOUND' });
    const asked = stub.requests.filter((seen) => seen.path.startsWith(`${V}/volumes`)).map((seen) => seen.path);
    expect(asked).toEqual(id === '' ? [] : [`${V}/volumes/${id === '..' ? '%2E%2E' : encodeURIComponent(id)}`]);
  });
});
