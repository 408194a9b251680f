import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { l2populationDriver } from '@godwit/network';
import { neutronError, text, uuid } from '../src/shapes/base.ts';
import { adminNetwork, adminPort, securityGroup, subnet } from '../src/shapes/network.ts';
import { answers, refuses, type Suite } from '../src/suite.ts';

const one = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: shape });
const page = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: z.array(shape), [`${key}_links`]: z.array(z.strictObject({ rel: z.literal(['next', 'previous']), href: text })) });

/** `2026-11-22 10:06:19` */
const stamp = z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
const agent = z.strictObject({
  id: uuid, agent_type: text, binary: text, topic: text, host: text, admin_state_up: z.boolean(), created_at: stamp, started_at: stamp, heartbeat_timestamp: stamp, description: text.nullable(), resources_synced: z.boolean().nullable(),
  availability_zone: text.nullable(), alive: z.boolean(), configurations: z.record(z.string(), z.unknown()),
});

/** What a network over several sites asks of one: a virtual L2 agent, ports bound to it, what l2population tells. */
export function stretched(suite: Suite): void {
  describe('a network that is stretched', () => {
    it('made with a VNI and its own subnet, found by its description; remote ports bound to a virtual agent, told to the real ones', async () => {
      const godwit = await suite.cloud('godwit');
      const { network } = godwit;
      const rpc = suite.target.rpc('site1');
      const site = { name: 'site1', rpc: () => rpc } as unknown as Parameters<ReturnType<typeof l2populationDriver>['report']>[0];
      const driver = l2populationDriver(() => new Date());
      const host = 'godwit-remote-contract-c1';
      const vtep = '10.21.200.10';
      const mark = `godwit stretched network ${randomUUID()}`;
      await rpc.ready(10_000);

      const net = await answers(() => network.networks.create({ name: 'contract', description: mark, 'provider:network_type': 'vxlan', 'provider:segmentation_id': 70_123, mtu: 1_400 }), { status: 201, body: one('network', adminNetwork) });
      const made: string[] = [];
      try {
        expect(net).toMatchObject({ 'provider:segmentation_id': 70_123, mtu: 1_400 });
        await refuses(() => network.networks.create({ name: 'contract', 'provider:network_type': 'vxlan', 'provider:segmentation_id': 70_123 }), { status: 409, body: neutronError('TunnelIdInUse', /The tunnel ID 70123 is in use/), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });
        expect((await answers(() => network.networks.list({ description: mark }), { status: 200, body: page('networks', adminNetwork) })).map((n) => n.id)).toEqual([net.id]);
        expect((await answers(() => network.networks.list({ id: net.id }), { status: 200, body: page('networks', adminNetwork) })).map((n) => n.id)).toEqual([net.id]);
        expect((await answers(() => network.networks.update(net.id, { mtu: 1_380 }), { status: 200, body: one('network', adminNetwork) })).mtu).toBe(1_380);
        const sub = await answers(() => network.subnets.create({
          network_id: net.id, name: 'contract', description: mark, ip_version: 4, cidr: '10.98.0.0/24', gateway_ip: '10.98.0.1', enable_dhcp: false, dns_nameservers: [], allocation_pools: [{ start: '10.98.0.10', end: '10.98.0.99' }],
        }), { status: 201, body: one('subnet', subnet) });
        const groups = await answers(() => network.securityGroups.list({ project_id: net.project_id }), { status: 200, body: page('security_groups', securityGroup) });
        const group = groups.find((g) => g.name === 'default')!;

        const body = (n: number) => ({
          network_id: net.id, name: 'remote site9', description: 'godwit network contract from site9', device_owner: 'godwit:remote', device_id: `source-${n}`, mac_address: `fa:16:3e:79:00:0${n}`, fixed_ips: [{ ip_address: `10.98.0.${200 + n}`, subnet_id: sub.id }],
          'binding:host_id': host, port_security_enabled: true, security_groups: [group.id], allowed_address_pairs: [{ ip_address: '10.98.0.250', mac_address: `fa:16:3e:79:00:0${n}` }],
        });
        // Before its agent was ever heard of.
        const [early] = await answers(() => network.ports.createMany([body(1)]), { status: 201, body: one('ports', z.array(adminPort)) });
        made.push(early!.id);
        expect(early).toMatchObject({ 'binding:vif_type': 'binding_failed', 'binding:host_id': host });

        const heard: { network: string; vteps: readonly string[] }[] = [];
        const listening = await driver.listen(site, ({ networkId, vteps }) => void heard.push({ network: networkId, vteps }));
        await driver.report(site, { host, vtep }, { confirmed: true });
        await driver.report(site, { host, vtep });
        const agents = await answers(() => network.agents.list(), { status: 200, body: one('agents', z.array(agent)) });
        expect(agents.find((a) => a.host === host)).toMatchObject({ alive: true, agent_type: 'Open vSwitch agent', configurations: { tunneling_ip: vtep, tunnel_types: ['vxlan'] } });
        expect(driver.unfit(site, agents.filter((a) => a.host !== host))).toEqual([]);
        const bound = await answers(() => network.ports.update(early!.id, { 'binding:host_id': host, fixed_ips: [{ ip_address: '10.98.0.201', subnet_id: sub.id }], port_security_enabled: true, security_groups: [group.id], allowed_address_pairs: [{ ip_address: '10.98.0.251', mac_address: 'fa:16:3e:79:00:01' }] }), { status: 200, body: one('port', adminPort) });
        expect(bound['binding:vif_type']).toBe('ovs');
        const many = await answers(() => network.ports.createMany([body(2), body(3)]), { status: 201, body: one('ports', z.array(adminPort)) });
        made.push(...many.map((p) => p.id));
        expect(many.map((p) => p['binding:vif_type'])).toEqual(['ovs', 'ovs']);
        // All or none.
        await refuses(() => network.ports.createMany([body(4), body(3)]), { status: 409, body: neutronError('MacAddressInUse', /fa:16:3e:79:00:03 is in use/), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });

        await driver.wire(site, host, { up: made, down: [] });
        const ports = await answers(() => network.ports.list({ network_id: net.id, device_owner: 'godwit:remote' }), { status: 200, body: page('ports', adminPort) });
        expect(ports.map((p) => p.status)).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE']);
        expect(ports.map((p) => p.device_id).toSorted()).toEqual(['source-1', 'source-2', 'source-3']);
        await expect.poll(() => heard.filter((h) => h.network === net.id && h.vteps.includes(vtep)).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(3);
        // A virtual IP: reserved, its pair on a port, told to the site's own agent past Neutron, and taken back.
        const kept = await answers(() => network.ports.create({ network_id: net.id, name: 'vip contract', description: 'godwit virtual ip contract', device_owner: 'godwit:vip', device_id: 'contract', fixed_ips: [{ ip_address: '10.98.0.240' }], security_groups: [] }), { status: 201, body: one('port', adminPort) });
        const own = agents.find((a) => a.agent_type === 'Open vSwitch agent' && !a.host.startsWith('godwit-'))?.host ?? '';
        for (const answersItself of [false, true]) await driver.announce?.(site, own, { networkId: net.id, ip: '10.98.0.240', mac: 'fa:16:3e:79:00:01', vtep, answersItself });
        await expect(driver.announce?.(site, 'nobody', { networkId: net.id, ip: '10.98.0.240', mac: 'fa:16:3e:79:00:01', vtep, answersItself: false })).rejects.toMatchObject({ code: 'GW_DAEMON_ABSENT' });
        // The ports of a virtual agent are behind another tunnel end, and back: a message of its own to each real agent.
        for (const [from, to] of [[vtep, '10.21.200.11'], ['10.21.200.11', vtep]] as const) await driver.redirect(site, own, { networkId: net.id, vni: 70_123, from, to, ports: [{ mac: 'fa:16:3e:79:00:02', ips: ['10.98.0.202'] }] });
        await network.ports.delete(kept.id);
        expect((await network.ports.list({ network_id: net.id, mac_address: bound.mac_address, id: bound.id })).map((p) => p.id)).toEqual([bound.id]);
        await driver.wire(site, host, { up: [], down: [made[0]!] });
        expect((await network.ports.get(made[0]!)).status).toBe('DOWN');
        expect(listening.active).toBe(true);
        await listening.close();
      } finally {
        for (const id of made) await network.ports.delete(id);
        for (const a of await network.agents.list()) if (a.host === host) await answers(() => network.agents.delete(a.id), { status: 204 });
        await answers(() => network.networks.delete(net.id), { status: 204 });
      }
    }, 120_000);
  });
}
