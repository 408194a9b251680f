import { describe, expect, it } from 'vitest';
import type { SiteView } from '../src/reconcile/observe.ts';
import { redirectAt } from '../src/reconcile/plan.ts';
import { FakeGateway, fakeGateways } from './fake-gateways.ts';
import { admin, caller, until, world, type World } from './world.ts';

const request = { name: 'ha', mode: 'gateway' as const, cidr: '10.9.0.0/24', sites: [{ site: 'site1' }, { site: 'site2' }] };
const four = () => ({ a1: new FakeGateway('site1', '10.21.1.250', '192.0.2.11'), b1: new FakeGateway('site1', '10.21.1.251', '192.0.2.12'), a2: new FakeGateway('site2', '10.21.2.250', '192.0.2.21'), b2: new FakeGateway('site2', '10.21.2.251', '192.0.2.22') });

async function gated(nodes: Record<string, FakeGateway> = four()): Promise<{ w: World; nodes: Record<string, FakeGateway>; id: string }> {
  const w = await world({ gateways: fakeGateways(nodes) });
  // Sites whose VNIs differ.
  await w.cloud('site2-godwit').network.networks.create({ name: 'something-else' });
  await until('a leader at each site', () => w.store.leads.size === 2);
  const { jobId, id } = await w.service.stretch(caller, request);
  await w.job(jobId);
  return { w, nodes, id };
}
const agents = async (w: World, site: string) => (await w.cloud(`${site}-godwit`).network.agents.list()).filter((a) => a.host.startsWith('godwit-remote'));

describe('a network through border gateways', () => {
  it('has a VNI of its own at each site; remote ports lie behind the site’s own active gateway, and all gateways have the tables', async () => {
    const { w, nodes, id } = await gated();
    const [shown] = await w.service.list(caller);
    expect(shown).toMatchObject({ mode: 'gateway', transitVni: 9_000_000, mtu: 1_450 });
    const vnis = shown!.sites.map((s) => s.vni);
    expect(new Set(vnis).size).toBe(2);
    const a = await w.plug('site1', 'ha', '10.9.0.10');
    const b = await w.plug('site2', 'ha', '10.9.0.140');
    for (const [site, address] of [['site1', '10.21.1.250'], ['site2', '10.21.2.250']] as const) {
      await until(`a remote port at ${site}`, async () => (await w.mirrors(site, 'ha'))[0]?.status === 'ACTIVE');
      expect((await w.mirrors(site, 'ha'))[0]).toMatchObject({ 'binding:host_id': 'godwit-remote-gateway' });
      expect(await agents(w, site)).toMatchObject([{ host: 'godwit-remote-gateway', alive: true, configurations: { tunneling_ip: address } }]);
    }
    const hypervisor = { site1: '10.21.1.10', site2: '10.21.2.10' };
    for (const [name, g] of Object.entries(nodes)) {
      const [own, other, peer] = g.site === 'site1' ? [a, b, '192.0.2.21'] : [b, a, '192.0.2.11'];
      await until(`the tables of ${name}`, () => (g.specs.get(id)?.remote[0]?.macs.length ?? 0) === 1 && (g.specs.get(id)?.local[0]?.macs.length ?? 0) === 1);
      expect(g.specs.get(id)).toEqual({ network: id, siteVni: vnis[g.site === 'site1' ? 0 : 1], transitVni: 9_000_000, mtu: 1_450, local: [{ vtep: hypervisor[g.site as 'site1'], macs: [own.mac_address] }], remote: [{ vtep: peer, macs: [other.mac_address] }] });
      expect(g.active).toBe(name.startsWith('a'));
    }
    await until('all in step', async () => (await w.service.check(caller, 'ha')).inStep);
    expect(await w.service.borderGateways(admin)).toMatchObject([{ name: 'a1', state: 'active', networks: [{ name: 'ha' }] }, { name: 'b1', state: 'standby' }, { name: 'a2', state: 'active' }, { name: 'b2', state: 'standby' }]);
    await expect(w.service.borderGateways(caller)).rejects.toMatchObject({ code: 'GW_ROLE_REQUIRED' });
    // Let go, the gateways forget it, and no agent is left.
    for (const [site, port] of [['site1', a], ['site2', b]] as const) {
      w.unplug(site, port.id);
      await w.cloud(site).network.ports.delete(port.id);
    }
    const { jobId } = await w.service.unstretch(caller, 'ha', { keep: false });
    expect(await w.job(jobId)).toMatchObject({ removed: ['site1', 'site2'] });
    for (const site of ['site1', 'site2']) expect(await agents(w, site)).toEqual([]);
    await until('the gateways to forget it', () => Object.values(nodes).every((g) => g.specs.size === 0));
  }, 30_000);

  it('another gateway takes over from one that is silent: both ends send to it, no remote port is taken down; the one that comes back stands by', async () => {
    const { w, nodes, id } = await gated();
    await w.plug('site1', 'ha', '10.9.0.10');
    await w.plug('site2', 'ha', '10.9.0.140');
    for (const site of ['site1', 'site2']) await until(`a remote port at ${site}`, async () => (await w.mirrors(site, 'ha'))[0]?.status === 'ACTIVE');
    await until('all in step', async () => (await w.service.check(caller, 'ha')).inStep);
    const [before] = await w.mirrors('site1', 'ha');
    nodes['a1']!.away = true;
    const took = await until('the other site to send to b1', () => ['a2', 'b2'].every((n) => nodes[n]!.specs.get(id)?.remote[0]?.vtep === '192.0.2.12'));
    expect(took).toBeLessThan(2_000);
    expect(w.store.leads.get('site1')).toMatchObject({ active: 'b1', epoch: 2 });
    expect(nodes['b1']).toMatchObject({ active: true, epoch: 2 });
    await until('Neutron’s row', async () => (await agents(w, 'site1'))[0]?.configurations['tunneling_ip'] === '10.21.1.251');
    expect((await w.mirrors('site1', 'ha'))[0]).toMatchObject({ id: before!.id, status: 'ACTIVE' });
    nodes['a1']!.away = false;
    await until('a1 to stand by', () => !nodes['a1']!.active && nodes['a1']!.epoch === 2);
    await until('its tables', () => nodes['a1']!.specs.get(id) !== undefined);
    expect(w.store.leads.get('site1')).toMatchObject({ active: 'b1', epoch: 2 });
  }, 30_000);

  it('with no gateway left, or none heard of, nothing is changed', async () => {
    const { w, nodes, id } = await gated();
    await w.plug('site1', 'ha', '10.9.0.10');
    await until('a remote port', async () => (await w.mirrors('site2', 'ha'))[0]?.status === 'ACTIVE');
    await until('all in step', async () => (await w.service.check(caller, 'ha')).inStep);
    nodes['a2']!.away = nodes['b2']!.away = true;
    await until('it to be said', () => w.store.reports.get(id)?.report.findings.some((f) => f.code === 'GW_AGENT_AWAY' && f.site === 'site2') === true);
    expect(w.store.leads.get('site2')).toMatchObject({ active: 'a2', epoch: 1 });
    expect((await w.mirrors('site2', 'ha'))[0]).toMatchObject({ status: 'ACTIVE' });
    // A database that was begun anew is behind what the gateways have seen.
    nodes['a2']!.away = nodes['b2']!.away = false;
    nodes['b2']!.epoch = 9;
    await until('a newer epoch', () => w.store.leads.get('site2')?.epoch === 10);
    await until('both to follow', () => nodes['a2']!.epoch === 10 && nodes['b2']!.epoch === 10 && nodes['a2']!.active && !nodes['b2']!.active);
  }, 30_000);

  it('what hypervisors were told last counts, not what Neutron has heard', () => {
    const host = 'godwit-remote-gateway';
    const view = { networkId: 'n', virtual: new Map([[host, { id: 'x', vtep: 'a', alive: true }]]), vteps: new Map([['c1', 'v1'], ['c2', 'v2']]), mirrors: [{ host, active: true, mac: 'm1', ips: ['i1'] }, { host, active: false, mac: 'm2', ips: [] }] } as unknown as SiteView;
    const at = (via: string, told?: string) => redirectAt(view, { via, vni: 7, told }, true);
    expect(at('b')).toEqual({ networkId: 'n', vni: 7, from: 'a', to: 'b', ports: [{ mac: 'm1', ips: ['i1'] }], hosts: ['c1', 'c2'] });
    // Neutron was down while it went to b, and goes back to a.
    expect(at('a', 'b')).toMatchObject({ from: 'b', to: 'a' });
    expect(at('a')).toBeUndefined();
    expect(at('b', 'b')).toBeUndefined();
  });

  it('is refused where there is no gateway, where addresses are shared, and where packets would not fit', async () => {
    const nodes = { a1: new FakeGateway('site1', '10.21.1.10', '192.0.2.11') };
    const w = await world({ gateways: fakeGateways(nodes), start: false });
    const report = await w.service.preflight(admin, { ...request, mtu: 1_500, vni: 5 });
    expect(report.findings.map((f) => f.code).toSorted()).toEqual(['GW_GATEWAY_MTU', 'GW_GATEWAY_NONE', 'GW_STRETCH_INVALID', 'GW_VTEP_SHARED']);
    const without = await world({ start: false });
    expect((await without.service.preflight(caller, request)).findings.map((f) => f.code)).toEqual(['GW_GATEWAY_NONE', 'GW_GATEWAY_NONE']);
  });
});
