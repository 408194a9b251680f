import { createRpcClient, type RpcClient } from '@godwit/oslo-messaging';
import { afterEach, describe, expect, it } from 'vitest';
import type { Emulator } from '../src/index.ts';
import { cloud, emulate } from './harness.ts';
import { until } from './until.ts';

const clients: RpcClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

async function tenant() {
  const emulator = await emulate();
  const c = cloud(emulator, 'site1-godwit');
  const [net] = await c.network.networks.list({ name: 'vnf-net' });
  const [subnet] = await c.network.subnets.list({ network_id: net?.id ?? '' });
  return { emulator, c, net: net?.id ?? '', subnet: subnet?.id ?? '' };
}

describe('ports', () => {
  it('keep the MAC and IP that are asked for, draw free ones otherwise, and never give one twice', async () => {
    const { c, net, subnet } = await tenant();
    const port = await c.network.ports.create({ network_id: net, name: 'p', description: 'mark', mac_address: 'FA:16:3E:00:00:01', fixed_ips: [{ ip_address: '192.168.50.77', subnet_id: subnet }], allowed_address_pairs: [{ ip_address: '192.168.50.99' }] });
    expect(port).toMatchObject({ mac_address: 'fa:16:3e:00:00:01', status: 'DOWN', fixed_ips: [{ ip_address: '192.168.50.77', subnet_id: subnet }], allowed_address_pairs: [{ mac_address: 'fa:16:3e:00:00:01', ip_address: '192.168.50.99' }] });
    expect(port.security_groups).toHaveLength(1);
    await expect(c.network.ports.create({ network_id: net, mac_address: 'fa:16:3e:00:00:01' })).rejects.toThrow(/HTTP 409.*The mac address fa:16:3e:00:00:01 is in use/);
    await expect(c.network.ports.create({ network_id: net, fixed_ips: [{ ip_address: '192.168.50.77', subnet_id: subnet }] })).rejects.toThrow(/already allocated in subnet/);
    await expect(c.network.ports.create({ network_id: net, fixed_ips: [{ ip_address: '10.0.0.1', subnet_id: subnet }] })).rejects.toThrow(/not a valid IP for the specified subnet/);
    await expect(c.network.ports.create({ network_id: net, port_security_enabled: false, security_groups: port.security_groups })).rejects.toThrow(/Port security must be enabled/);
    const more = await Promise.all(Array.from({ length: 20 }, () => c.network.ports.create({ network_id: net })));
    expect(new Set(more.map((p) => p.fixed_ips[0]?.ip_address)).size).toBe(20);
    expect((await c.network.ports.list({ network_id: net, mac_address: 'FA:16:3E:00:00:01' })).map((p) => p.id)).toEqual([port.id]);
    expect((await c.network.ports.list({ description: 'mark' })).map((p) => p.id)).toEqual([port.id]);
    expect((await c.network.ports.list({ fixed_ips: 'ip_address=192.168.50.77' })).map((p) => p.id)).toEqual([port.id]);
    await c.network.ports.delete(port.id);
    expect((await c.network.ports.create({ network_id: net, fixed_ips: [{ ip_address: '192.168.50.77' }] })).fixed_ips[0]?.subnet_id).toBe(subnet);
  });

  it('come by pages, and over quota are refused', async () => {
    const { c, net, emulator } = await tenant();
    for (let i = 0; i < 5; i += 1) await c.network.ports.create({ network_id: net, name: `p${String(i)}` });
    const names: string[] = [];
    for await (const p of c.network.ports.iterate({ limit: 2 })) names.push(p.name);
    expect(names.toSorted()).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
    const { projectId = '' } = await c.session.token();
    await cloud(emulator, 'site1-admin').network.setQuota(projectId, { port: 5 });
    await expect(c.network.ports.create({ network_id: net })).rejects.toThrow(/HTTP 409.*Quota exceeded for resources: \['port'\]/);
    expect((await c.network.quota(projectId))['port']).toEqual({ limit: 5, inUse: 5, reserved: 0 });
  });

  it('of a server are bound to its host and wired by the L2 agent; with none alive the binding fails', async () => {
    const { emulator, c, net } = await tenant();
    const site = emulator.site('site1');
    const { projectId = '' } = await c.session.token();
    const ports = site.part('ports');
    const id = ports.create({ projectId, networkId: net, deviceId: 'server' });
    ports.bind(id, { deviceId: 'server', deviceOwner: 'compute:nova', host: site.host });
    await until('the port to be ACTIVE', async () => (await c.network.ports.get(id)).status === 'ACTIVE');
    expect(await c.network.ports.get(id)).toMatchObject({ 'binding:host_id': 'site1-c1', 'binding:vif_type': 'ovs' });
    expect(ports.ofDevice('server').map((p) => p.id)).toEqual([id]);
    expect((await c.network.ports.list({ device_id: 'server' })).map((p) => p.id)).toEqual([id]);
    ports.unbind(id);
    const down = emulator.inject({ kind: 'daemon-down', site: 'site1', daemon: 'neutron-openvswitch-agent' });
    await until('the agent to be missed', async () => (await c.network.agents.list())[0]?.alive === false);
    ports.bind(id, { deviceId: 'server', deviceOwner: 'compute:nova', host: site.host });
    expect((await c.network.ports.get(id))['binding:vif_type']).toBe('binding_failed');
    down.lift();
  });
});

describe('an agent that is played from outside', () => {
  const context = { isAdmin: true, userId: 'u', projectId: 'p', roles: ['admin'] };
  const report = (host: string, time: string) => ({
    target: { exchange: 'neutron', topic: 'q-reports-plugin', version: '1.3' }, method: 'report_state', context,
    args: { agent_state: { agent_state: { agent_type: 'Open vSwitch agent', binary: 'neutron-openvswitch-agent', host, topic: 'N/A', configurations: { tunneling_ip: '10.21.2.10', tunnel_types: ['vxlan'], l2_population: true } } }, time },
  });
  const now = (): string => new Date().toISOString().slice(0, 23);
  async function agentOf(emulator: Emulator): Promise<RpcClient> {
    const rpc = createRpcClient({ url: emulator.rpcUrl('site1', 'openstack') });
    clients.push(rpc);
    await rpc.ready(2_000);
    return rpc;
  }

  it('is listed once it reports, binds ports, turns them ACTIVE, and l2population tells of them', async () => {
    const { emulator, c, net, subnet } = await tenant();
    const rpc = await agentOf(emulator);
    const heard: unknown[] = [];
    const listener = await agentOf(emulator);
    await listener.serve({ exchange: 'neutron', topic: 'q-agent-notifier-l2population-update', server: 'gateway', version: '1.4' }, (method, args) => {
      heard.push([method, args['fdb_entries']]);
      return Promise.resolve(null);
    });
    // A time without a fraction, or of before the server's start, is ignored in silence.
    await rpc.cast(report('remote-site2', '2026-01-01T00:00:00'));
    await rpc.cast(report('remote-site2', '2020-01-01T00:00:00.123'));
    const early = await c.network.ports.create({ network_id: net, 'binding:host_id': 'remote-site2' });
    expect(early['binding:vif_type']).toBe('binding_failed');
    expect(await rpc.call(report('remote-site2', now()), { timeoutMs: 2_000 }).result).toBe('new');
    expect((await c.network.agents.list()).find((a) => a.host === 'remote-site2')).toMatchObject({ alive: true, configurations: { tunneling_ip: '10.21.2.10' } });
    expect((await c.network.ports.update(early.id, { 'binding:host_id': 'remote-site2' }))['binding:vif_type']).toBe('ovs');
    const port = await c.network.ports.create({ network_id: net, mac_address: 'fa:16:3e:00:00:02', fixed_ips: [{ ip_address: '192.168.50.88', subnet_id: subnet }], 'binding:host_id': 'remote-site2' });
    await rpc.cast({ target: { exchange: 'neutron', topic: 'q-plugin', version: '1.9' }, method: 'update_device_up', context, args: { device: port.id, agent_id: 'a', host: 'remote-site2' } });
    await until('the port to be ACTIVE', async () => (await c.network.ports.get(port.id)).status === 'ACTIVE');
    const [network] = await c.network.networks.list();
    await until('l2population', () => Promise.resolve(heard.length > 0));
    expect(heard[0]).toEqual(['add_fdb_entries', { [net]: { segment_id: network?.['provider:segmentation_id'], network_type: 'vxlan', ports: { '10.21.2.10': [['00:00:00:00:00:00', '0.0.0.0'], ['fa:16:3e:00:00:02', '192.168.50.88']] } } }]);
    const lists = await rpc.call({ target: { exchange: 'neutron', topic: 'q-plugin', version: '1.9' }, method: 'update_device_list', context, args: { devices_up: [early.id, 'nobody'], devices_down: [port.id], agent_id: 'a', host: 'remote-site2' } }, { timeoutMs: 2_000 }).result;
    expect(lists).toMatchObject({ devices_up: [early.id], failed_devices_up: ['nobody'] });
    expect((await c.network.ports.get(port.id)).status).toBe('DOWN');
  });
});

describe('networks and security groups', () => {
  it('a project has its default group, whose name and life are Neutron’s', async () => {
    const { emulator } = await tenant();
    const stranger = cloud(emulator, 'site1-stranger');
    const [group] = await stranger.network.securityGroups.list();
    expect(group).toMatchObject({ name: 'default' });
    expect(group?.security_group_rules.filter((r) => r.remote_group_id === group.id)).toHaveLength(2);
    await expect(stranger.network.securityGroups.delete(group?.id ?? '')).rejects.toThrow(/Insufficient rights for removing default security group/);
    const mine = await stranger.network.securityGroups.create({ name: 'sg' });
    const rule = { security_group_id: mine.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
    await stranger.network.securityGroupRules.create(rule);
    await expect(stranger.network.securityGroupRules.create(rule)).rejects.toThrow(/Security group rule already exists/);
    await stranger.network.securityGroups.delete(mine.id);
  });

  it('subnets may not overlap, and nothing that is used goes', async () => {
    const { c } = await tenant();
    const net = await c.network.networks.create({ name: 'n' });
    const subnet = await c.network.subnets.create({ network_id: net.id, cidr: '10.77.0.0/24', ip_version: 4 });
    expect(subnet).toMatchObject({ gateway_ip: '10.77.0.1', allocation_pools: [{ start: '10.77.0.2', end: '10.77.0.254' }] });
    await expect(c.network.subnets.create({ network_id: net.id, cidr: '10.77.0.128/25', ip_version: 4 })).rejects.toThrow(/overlaps with another subnet/);
    const port = await c.network.ports.create({ network_id: net.id });
    await expect(c.network.subnets.delete(subnet.id)).rejects.toThrow(/have an IP allocation from this subnet/);
    await expect(c.network.networks.delete(net.id)).rejects.toThrow(/one or more ports still in use/);
    await c.network.ports.delete(port.id);
    await c.network.networks.delete(net.id);
    await expect(c.network.subnets.get(subnet.id)).rejects.toThrow(/could not be found/);
  });

  it('another project’s are not there; the lab’s Neutron has no routers', async () => {
    const { emulator, net, c } = await tenant();
    await expect(cloud(emulator, 'site1-stranger').network.networks.get(net)).rejects.toThrow(/could not be found/);
    await expect(cloud(emulator, 'site1-auditor').network.ports.create({ network_id: net })).rejects.toThrow(/rule:create_port is disallowed by policy/);
    await expect(c.network.routers.list()).rejects.toThrow(/404/);
    expect((await c.network.extensions.list()).map((e) => e.alias)).toContain('port-security');
  });
});
