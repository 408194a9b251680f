import { describe, expect, it } from 'vitest';
import { standsFor, type StretchReport } from '../src/index.ts';
import { admin, caller, until, world, type World } from './world.ts';

const request = { name: 'ha', cidr: '10.9.0.0/24', sites: [{ site: 'site1' }, { site: 'site2' }] };

async function stretched(w: World): Promise<string> {
  const { jobId, id } = await w.service.stretch(caller, request);
  await w.job(jobId);
  return id;
}

const active = async (w: World, site: string, n: number): Promise<boolean> => {
  const mirrors = await w.mirrors(site, 'ha');
  return mirrors.length === n && mirrors.every((m) => m.status === 'ACTIVE');
};

describe('a network that is made at two sites', () => {
  it('has one VNI and CIDR, pools that share nothing, a gateway for each; asked twice, it is refused', async () => {
    const w = await world();
    const report = await w.service.preflight(caller, request);
    expect(report).toMatchObject({ ok: true, vni: 70_000, sites: [{ site: 'site1', pool: '10.9.0.3-10.9.0.128', gateway: '10.9.0.1' }, { site: 'site2', pool: '10.9.0.129-10.9.0.254', gateway: '10.9.0.2' }] });
    expect(w.emulator.changes.filter((c) => c.service === 'network')).toEqual([]);
    await stretched(w);
    for (const [site, gateway, start] of [['site1', '10.9.0.1', '10.9.0.3'], ['site2', '10.9.0.2', '10.9.0.129']] as const) {
      const [net] = await w.cloud(`${site}-godwit`).network.networks.list({ name: 'ha' });
      expect(net).toMatchObject({ 'provider:segmentation_id': 70_000, 'provider:network_type': 'vxlan', mtu: 1450 });
      expect((await w.cloud(site).network.subnets.list({ network_id: net?.id }))[0]).toMatchObject({ cidr: '10.9.0.0/24', gateway_ip: gateway, allocation_pools: [{ start }] });
    }
    await expect(w.service.stretch(caller, request)).rejects.toMatchObject({ code: 'GW_STRETCHED_EXISTS' });
    expect(await w.service.list({ ...caller, project: { name: 'other', domain: 'Default' } })).toEqual([]);
  });

  it('stretched at the same time as another, each has a VNI of its own', async () => {
    const w = await world({ start: false });
    const begun = await Promise.all([1, 2, 3].map((n) => w.service.stretch(caller, { ...request, name: `ha${n}`, cidr: `10.9.${n}.0/24` })));
    await Promise.all(begun.map(({ jobId }) => w.job(jobId)));
    expect((await w.service.list(caller)).map((n) => n.vni).toSorted()).toEqual([70_000, 70_001, 70_002]);
  });

  it('unstretched by a controller that was restarted, it does not wait until what its earlier life held lapses', async () => {
    const w = await world({ start: false });
    await stretched(w);
    const { jobId } = await w.service.unstretch(caller, 'ha', { keep: false });
    const begun = performance.now();
    w.another('c1').start();
    expect(await w.job(jobId)).toMatchObject({ removed: ['site1', 'site2'] });
    expect(performance.now() - begun).toBeLessThan(4_000);
  });

  it('mirrors a port within a second of its becoming ACTIVE, follows it, and takes it away with it', async () => {
    const w = await world();
    await stretched(w);
    const sg = await w.cloud('site1').network.securityGroups.create({ name: 'web' });
    const there = await w.cloud('site2').network.securityGroups.create({ name: 'web' });
    const port = await w.plug('site1', 'ha', '10.9.0.10', { security_groups: [sg.id] });
    await until('the port to be ACTIVE', async () => (await w.cloud('site1').network.ports.get(port.id)).status === 'ACTIVE');
    expect(await until('its remote port', () => active(w, 'site2', 1))).toBeLessThan(1_000);
    const [mirror] = await w.mirrors('site2', 'ha');
    // Of the group of that name, so that the site’s rules which name the group let its peer in.
    expect(mirror).toMatchObject({ mac_address: port.mac_address, device_id: port.id, 'binding:host_id': `godwit-remote-site1-${w.emulator.site('site1').host}`, security_groups: [there.id], fixed_ips: [{ ip_address: '10.9.0.10' }] });
    const [agent] = (await w.cloud('site2-godwit').network.agents.list()).filter((a) => a.host.startsWith('godwit-remote'));
    expect(agent).toMatchObject({ alive: true, configurations: { tunneling_ip: '10.21.1.10', tunnel_types: ['vxlan'] } });
    expect((await w.service.remotePorts(caller)).remotePorts).toMatchObject([{ site: 'site2', from: 'site1', vtep: '10.21.1.10', status: 'ACTIVE', bound: true }]);
    // A virtual IP's address pair is there too, for the port security of the peers' site.
    await w.cloud('site1').network.ports.update(port.id, { allowed_address_pairs: [{ ip_address: '10.9.0.200' }] });
    await until('the pair', async () => (await w.mirrors('site2', 'ha'))[0]?.allowed_address_pairs[0]?.ip_address === '10.9.0.200');
    w.unplug('site1', port.id);
    await until('the remote port to go', async () => (await w.mirrors('site2', 'ha')).length === 0);
  });

  it('many ports come by bulk, all ACTIVE; nobody else’s port is touched', async () => {
    const w = await world();
    const id = await stretched(w);
    const own = await w.cloud('site2').network.ports.create({ network_id: (await w.cloud('site2').network.networks.list({ name: 'ha' }))[0]?.id, name: 'own' });
    const foreign = await w.cloud('site2-godwit').network.ports.create({ network_id: own.network_id, device_owner: 'godwit:remote', description: 'godwit network another from site1', device_id: 'x', name: 'foreign' });
    for (let n = 0; n < 60; n += 1) await w.plug('site1', 'ha', `10.9.0.${20 + n}`);
    await until('sixty remote ports', async () => (await w.mirrors('site2', 'ha')).filter((m) => m.status === 'ACTIVE').length === 60, 15_000);
    await until('a turn that finds nothing', async () => w.store.reports.get(id)?.report.inStep === true);
    const { jobId } = await w.service.unstretch(caller, 'ha', { keep: true });
    await w.job(jobId);
    expect((await w.cloud('site2-godwit').network.ports.list({ network_id: own.network_id })).map((p) => p.id).toSorted()).toEqual([own.id, foreign.id].toSorted());
    expect((await w.cloud('site2-godwit').network.agents.list()).filter((a) => a.host.startsWith('godwit-remote'))).toEqual([]);
  }, 30_000);

  it('unstretched, its networks go, but not one that a tenant still uses', async () => {
    const w = await world();
    await stretched(w);
    await w.plug('site1', 'ha', '10.9.0.10');
    await until('its remote port', () => active(w, 'site2', 1));
    const { jobId } = await w.service.unstretch(caller, 'ha', { keep: false });
    expect(await w.job(jobId)).toMatchObject({ network: 'ha', removed: ['site2'], left: [{ site: 'site1', reason: '1 ports are on it' }] });
    expect(await w.cloud('site2').network.networks.list({ name: 'ha' })).toEqual([]);
    expect(await w.service.list(caller)).toEqual([]);
  });
});

describe('a member that moves to another site', () => {
  it('finds its addresses free there: what stood for it gives way, and does not come back unless the member goes', async () => {
    const w = await world();
    const id = await stretched(w);
    const port = await w.plug('site1', 'ha', '10.9.0.10');
    await until('its remote port', () => active(w, 'site2', 1));
    const networkId = (await w.store.get(id))?.sites.find((s) => s.site === 'site2')?.networkId ?? '';
    const move = { project: caller.project!, site: 'site2', networkId, mac: port.mac_address };
    expect(standsFor((await w.mirrors('site2', 'ha'))[0]!)).toBe('site1');
    await w.service.giveWay(move);
    await w.service.giveWay(move);
    expect(await w.mirrors('site2', 'ha')).toEqual([]);
    const turned = async (): Promise<void> => {
      const at = w.store.reports.get(id)?.report.at;
      await until('a turn', () => w.store.reports.get(id)?.report.at !== at);
    };
    await turned();
    // The copy that it left is still bound at site1.
    const moved = await w.plug('site2', 'ha', '10.9.0.10', { mac_address: port.mac_address });
    await turned();
    expect(await w.mirrors('site2', 'ha')).toEqual([]);
    w.unplug('site2', moved.id);
    await w.cloud('site2').network.ports.delete(moved.id);
    await w.service.takeBack(move);
    await until('its remote port', () => active(w, 'site2', 1));
  }, 20_000);
});

describe('a site that is lost', () => {
  it('does not hold up letting the others go; its part is let go when it is back', async () => {
    const w = await world();
    await stretched(w);
    await w.plug('site1', 'ha', '10.9.0.10');
    await until('its remote port', () => active(w, 'site2', 1));
    const down = w.emulator.inject({ kind: 'site-down', site: 'site1' });
    await expect(w.service.unstretch(caller, 'ha', { keep: false, lost: ['site3'] })).rejects.toMatchObject({ code: 'GW_STRETCH_INVALID' });
    const first = await w.service.unstretch(caller, 'ha', { keep: false, lost: ['site1'] });
    expect(await w.job(first.jobId)).toMatchObject({ removed: ['site2'], left: [{ site: 'site1' }] });
    expect(await w.cloud('site2').network.networks.list({ name: 'ha' })).toEqual([]);
    expect(await w.service.list(caller)).toMatchObject([{ name: 'ha', state: 'Unstretching', sites: [{ site: 'site1' }] }]);
    down.lift();
    const second = await w.service.unstretch(caller, 'ha', { keep: false });
    expect(await w.job(second.jobId)).toMatchObject({ removed: [], left: [{ site: 'site1', reason: '1 ports are on it' }] });
    expect(await w.service.list(caller)).toEqual([]);
  }, 20_000);
});

describe('what drifts is repaired, and said', () => {
  it('a remote port that somebody deleted, changed or took down; an agent whose row was removed', async () => {
    const w = await world();
    const id = await stretched(w);
    await w.plug('site1', 'ha', '10.9.0.10');
    await until('its remote port', () => active(w, 'site2', 1));
    await until('the report', () => w.store.reports.get(id)?.report.inStep === true && w.store.reports.get(id)?.report.remotePorts === 1);
    const site2 = w.cloud('site2-godwit').network;
    const drifted = (what: string) => until(`drift: ${what}`, () => [...(w.store.reports.get(id)?.report.drift ?? []), ...(w.store.reports.get(id)?.report.history ?? [])].some((d) => d.what === what && d.repaired && d.site === 'site2'));

    const [first] = await w.mirrors('site2', 'ha');
    await site2.ports.delete(first?.id ?? '');
    await drifted('missing');
    expect(await active(w, 'site2', 1)).toBe(true);
    const [second] = await w.mirrors('site2', 'ha');
    await site2.ports.update(second?.id ?? '', { security_groups: [] });
    await drifted('changed');
    const agents = (await site2.agents.list()).filter((a) => a.host.startsWith('godwit-remote'));
    await site2.agents.delete(agents[0]?.id ?? '');
    await drifted('agent');
    expect((await site2.agents.list()).some((a) => a.host.startsWith('godwit-remote') && a.alive)).toBe(true);
    expect((await w.service.check(caller, 'ha')).inStep).toBe(true);
  }, 30_000);

  it('while a site is away its ports stay mirrored; what went meanwhile goes when it is back', async () => {
    const w = await world();
    const id = await stretched(w);
    const port = await w.plug('site1', 'ha', '10.9.0.10');
    await until('its remote port', () => active(w, 'site2', 1));
    const down = w.emulator.inject({ kind: 'site-down', site: 'site1' });
    await until('it to be missed', () => w.store.reports.get(id)?.report.unreachable.some((u) => u.site === 'site1') === true, 15_000);
    expect(await active(w, 'site2', 1)).toBe(true);
    down.lift();
    w.unplug('site1', port.id);
    await until('the remote port to go', async () => (await w.mirrors('site2', 'ha')).length === 0, 15_000);
  }, 40_000);

  it('an address that the other site uses is reported, nothing is taken, and the others are mirrored', async () => {
    const w = await world();
    const id = await stretched(w);
    const [net] = await w.cloud('site2').network.networks.list({ name: 'ha' });
    const holder = await w.cloud('site2').network.ports.create({ network_id: net?.id, fixed_ips: [{ ip_address: '10.9.0.10' }] });
    await w.plug('site1', 'ha', '10.9.0.10');
    await w.plug('site1', 'ha', '10.9.0.11');
    await until('the one that can be', () => active(w, 'site2', 1));
    await until('the finding', () => w.store.reports.get(id)?.report.findings.some((f) => f.code === 'GW_REMOTE_ADDRESS_TAKEN' && f.site === 'site2') === true);
    expect((await w.cloud('site2').network.ports.get(holder.id)).fixed_ips[0]?.ip_address).toBe('10.9.0.10');
  }, 20_000);

  it('two controllers: one keeps the ports, the other goes on when it is gone', async () => {
    const w = await world();
    await stretched(w);
    const second = w.another('c2');
    second.start();
    await w.plug('site1', 'ha', '10.9.0.10');
    await until('its remote port', () => active(w, 'site2', 1));
    expect([...w.store.holders.values()].map((h) => h.holder)).toEqual(['c1']);
    await w.service.close();
    await w.plug('site1', 'ha', '10.9.0.11');
    await until('the other controller', () => active(w, 'site2', 2));
    expect([...w.store.holders.values()].map((h) => h.holder)).toEqual(['c2']);
  }, 20_000);
});

describe('what does not fit is refused, with every reason', () => {
  const codes = (r: StretchReport): string[] => r.findings.map((f) => f.code).toSorted();

  it('pools that overlap, a gateway in a pool, a VNI in use, a name that is taken', async () => {
    const w = await world({ start: false });
    await w.cloud('site2-godwit').network.networks.create({ name: 'other', 'provider:network_type': 'vxlan', 'provider:segmentation_id': 5_001 });
    await w.cloud('site1').network.networks.create({ name: 'ha' });
    const report = await w.service.preflight(admin, { ...request, vni: 5_001, sites: [{ site: 'site1', pool: '10.9.0.10-10.9.0.99', gateway: '10.9.0.50' }, { site: 'site2', pool: '10.9.0.90-10.9.0.120' }] });
    expect(codes(report)).toEqual(['GW_NETWORK_NAME_TAKEN', 'GW_STRETCH_POOLS', 'GW_STRETCH_POOLS', 'GW_VNI_TAKEN']);
    const before = w.emulator.changes.length;
    const { jobId } = await w.service.stretch(admin, { ...request, vni: 5_001 });
    await expect(w.job(jobId)).rejects.toMatchObject({ code: 'GW_PREFLIGHT', details: { ok: false } });
    expect(w.emulator.changes.length).toBe(before);
    expect(await w.service.list(caller)).toEqual([]);
    await expect(w.service.preflight(caller, { ...request, vni: 9_000 })).rejects.toMatchObject({ code: 'GW_ROLE_REQUIRED' });
  });

  it('a site without l2population, and one that is away', async () => {
    const w = await world({ start: false });
    const down = w.emulator.inject({ kind: 'site-down', site: 'site2' });
    expect(codes(await w.service.preflight(caller, request))).toEqual(['GW_SITE_UNREACHABLE']);
    down.lift();
    const driver = (await import('../src/index.ts')).l2populationDriver(() => new Date());
    const site = w.sites.get('site1');
    const agent = (await w.cloud('site1-godwit').network.agents.list())[0]!;
    expect(driver.unfit(site, [agent])).toEqual([]);
    expect(driver.unfit(site, [{ ...agent, configurations: { ...agent.configurations, l2_population: false } }])).toMatchObject([{ code: 'GW_NETWORK_BACKEND', message: expect.stringMatching(/without l2population/) as string }]);
    expect(driver.unfit(site, [{ ...agent, agent_type: 'OVN Controller agent' }])).toMatchObject([{ message: expect.stringMatching(/ML2\/OVN/) as string }]);
  }, 20_000);

  it('networks that are adopted: other CIDR, other VNI, pools that overlap, addresses that both use', async () => {
    const w = await world();
    const make = async (site: string, vni: number, cidr: string, pool: [string, string]): Promise<string> => {
      const { network } = w.cloud(`${site}-godwit`);
      const projectId = (await w.cloud(site).session.token()).projectId;
      const net = await network.networks.create({ name: 'old', project_id: projectId, 'provider:network_type': 'vxlan', 'provider:segmentation_id': vni });
      await network.subnets.create({ network_id: net.id, project_id: projectId, ip_version: 4, cidr, gateway_ip: null, allocation_pools: [{ start: pool[0], end: pool[1] }] });
      return net.id;
    };
    const one = await make('site1', 8_001, '10.5.0.0/24', ['10.5.0.10', '10.5.0.99']);
    const two = await make('site2', 8_002, '10.5.0.0/24', ['10.5.0.90', '10.5.0.120']);
    const sites = [{ site: 'site1', network: one }, { site: 'site2', network: two }];
    for (const [site, net] of [['site1', one], ['site2', two]] as const) await w.cloud(site).network.ports.create({ network_id: net, fixed_ips: [{ ip_address: '10.5.0.95' }] });
    expect(codes(await w.service.preflight(caller, { name: 'joined', sites }))).toEqual(['GW_REMOTE_ADDRESS_TAKEN', 'GW_STRETCH_MISMATCH', 'GW_STRETCH_POOLS']);
    // One that is there can be stretched to a site where none is: what is left of the CIDR is that site's.
    const report = await w.service.preflight(caller, { name: 'old', sites: [{ site: 'site1', network: one }, { site: 'site2' }] });
    expect(codes(report)).toEqual(['GW_NETWORK_NAME_TAKEN']);
    const { jobId } = await w.service.stretch(caller, { name: 'wide', sites: [{ site: 'site1', network: one }, { site: 'site2' }] });
    await w.job(jobId);
    const [made] = await w.cloud('site2-godwit').network.networks.list({ name: 'wide' });
    expect(made?.['provider:segmentation_id']).toBe(8_001);
    expect((await w.cloud('site2').network.subnets.list({ network_id: made?.id }))[0]?.allocation_pools).toEqual([{ start: '10.5.0.100', end: '10.5.0.254' }]);
    const gone = await w.service.unstretch(caller, 'wide', { keep: false });
    expect(await w.job(gone.jobId)).toMatchObject({ removed: ['site2'], left: [] });
    expect((await w.cloud('site1').network.networks.list({ id: one }))).toHaveLength(1);
  }, 20_000);
});
