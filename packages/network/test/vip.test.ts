import { describe, expect, it } from 'vitest';
import { caller, until, world, type World } from './world.ts';

const address = '10.9.0.200';
type Groups = NonNullable<Parameters<typeof world>[0]>['groups'];

/** A stretched network with a port at each site, and a virtual IP that either may hold. */
async function standing(more: { automatic?: boolean; group?: string; groups?: NonNullable<Groups> } = {}) {
  const { groups, ...rest } = more;
  const w = await world(groups ? { groups } : {});
  const { jobId } = await w.service.stretch(caller, { name: 'ha', cidr: '10.9.0.0/24', sites: [{ site: 'site1', pool: '10.9.0.10-10.9.0.99' }, { site: 'site2', pool: '10.9.0.100-10.9.0.199' }] });
  await w.job(jobId);
  const ports = { site1: await w.plug('site1', 'ha', '10.9.0.10', { name: 'one' }), site2: await w.plug('site2', 'ha', '10.9.0.110', { name: 'two' }) };
  await until('remote ports', async () => (await Promise.all(['site1', 'site2'].map((s) => w.mirrors(s, 'ha')))).every((m) => m.length === 1 && m[0]?.status === 'ACTIVE'));
  const vip = await w.service.createVip(caller, { name: 'front', network: 'ha', address, members: [{ site: 'site1', port: 'one' }, { site: 'site2', port: ports.site2.id }], ...rest });
  return { w, ports, vip };
}
const pairs = async (w: World, site: string, id: string): Promise<string[]> => (await w.cloud(site).network.ports.get(id)).allowed_address_pairs.map((p) => p.ip_address);
const holder = async (w: World) => (await w.service.vip(caller, 'front')).holder.site;

describe('a virtual IP', () => {
  it('is reserved at both sites, its pair is on real and remote ports; given up, nothing of it is left', async () => {
    const { w, ports, vip } = await standing();
    expect(vip).toMatchObject({ address, epoch: 1, holder: { site: 'site1', port: ports.site1.id }, findings: [] });
    for (const site of ['site1', 'site2'] as const) {
      const reserved = await w.cloud(site).network.ports.list({ device_owner: 'godwit:vip' });
      expect(reserved).toMatchObject([{ device_id: vip.id, fixed_ips: [{ ip_address: address }] }]);
      expect(await pairs(w, site, ports[site].id)).toEqual([address]);
      await until('the pair on the remote port', async () => (await w.mirrors(site, 'ha'))[0]?.allowed_address_pairs[0]?.ip_address === address);
    }
    // Somebody takes the pair away: it is put back.
    await w.cloud('site2').network.ports.update(ports.site2.id, { allowed_address_pairs: [] });
    await until('the pair', async () => (await pairs(w, 'site2', ports.site2.id)).length === 1);
    await expect(w.service.createVip(caller, { name: 'front', network: 'ha', address: '10.9.0.201', members: [{ site: 'site1', port: 'one' }] })).rejects.toMatchObject({ code: 'GW_VIP_EXISTS' });
    await expect(w.service.createVip(caller, { name: 'b', network: 'ha', address, members: [{ site: 'site1', port: 'one' }] })).rejects.toMatchObject({ code: 'GW_VIP_ADDRESS_TAKEN' });
    for (const bad of [{ address: '10.8.0.1' }, { address: '10.9.0.1' }, { members: [{ site: 'site1', port: 'none' }] }, { members: [{ site: 'site3', port: 'one' }] }]) {
      await expect(w.service.createVip(caller, { name: 'b', network: 'ha', address: '10.9.0.201', members: [{ site: 'site1', port: 'one' }], ...bad })).rejects.toMatchObject({ code: 'GW_VIP_INVALID' });
    }
    await w.service.deleteVip(caller, 'front');
    await until('it to be forgotten', async () => (await w.service.vips(caller)).length === 0);
    for (const site of ['site1', 'site2'] as const) {
      expect(await w.cloud(site).network.ports.list({ device_owner: 'godwit:vip' })).toEqual([]);
      expect(await pairs(w, site, ports[site].id)).toEqual([]);
    }
  }, 20_000);

  it('moves without a Neutron; who waits for it hears at once; a claim of an older epoch is refused', async () => {
    const { w } = await standing();
    const faults = ['site1', 'site2'].map((site) => w.emulator.inject({ kind: 'hang', site, service: 'network' }));
    const heard = w.service.vip(caller, 'front', { after: 1, ms: 10_000, signal: new AbortController().signal });
    const moved = await w.service.moveVip(caller, 'front', { site: 'site2' });
    expect(moved).toMatchObject({ moved: true, epoch: 2, told: 2, untold: [], holder: { site: 'site2' } });
    expect(moved.ms).toBeLessThan(1_000);
    expect(await heard).toMatchObject({ epoch: 2, holder: { site: 'site2' } });
    await expect(w.service.moveVip(caller, 'front', { site: 'site1', epoch: 1 })).rejects.toMatchObject({ code: 'GW_VIP_FENCED' });
    expect(await w.service.moveVip(caller, 'front', { site: 'site2' })).toMatchObject({ moved: false, epoch: 2 });
    // Two standbys at once: one of them gets it.
    const claims = await Promise.allSettled([w.service.moveVip(caller, 'front', { site: 'site1', epoch: 2 }), w.service.moveVip(caller, 'front', { site: 'site1', epoch: 2 })]);
    expect(claims.map((c) => c.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(w.service.moveVip({ ...caller, project: { name: 'other', domain: 'Default' } }, 'front', { site: 'site1' })).rejects.toMatchObject({ code: 'GW_VIP_UNKNOWN' });
    for (const f of faults) f.lift();
  }, 20_000);

  it('moves by itself when its holder’s port is not ACTIVE, not when its site merely cannot be asked', async () => {
    const { w, ports } = await standing({ automatic: true });
    const down = w.emulator.inject({ kind: 'site-down', site: 'site1' });
    await until('site1 to be missed', () => [...w.store.reports.values()].some((r) => r.report.unreachable.some((u) => u.site === 'site1')), 15_000);
    expect(await holder(w)).toBe('site1');
    down.lift();
    await until('site1 to be seen', () => [...w.store.reports.values()].some((r) => r.report.unreachable.length === 0), 15_000);
    w.unplug('site1', ports.site1.id);
    expect(await until('it to move', async () => (await holder(w)) === 'site2')).toBeLessThan(2_000);
  }, 40_000);

  it('follows its protection group, and is held nowhere else', async () => {
    let at = 'site1';
    const { w } = await standing({ automatic: true, group: 'vnf', groups: (_project, name) => Promise.resolve(name === 'vnf' ? { site: at, epoch: 1 } : undefined) });
    await expect(w.service.moveVip(caller, 'front', { site: 'site2' })).rejects.toMatchObject({ code: 'GW_VIP_FENCED', message: expect.stringMatching(/active at site1/) as string });
    at = 'site2';
    await until('it to follow', async () => (await holder(w)) === 'site2');
    await expect(w.service.moveVip(caller, 'front', { site: 'site1' })).rejects.toMatchObject({ code: 'GW_VIP_FENCED' });
    await expect(w.service.createVip(caller, { name: 'c', network: 'ha', address: '10.9.0.201', members: [{ site: 'site1', port: 'one' }], group: 'none' })).rejects.toMatchObject({ code: 'GW_VIP_INVALID' });
  }, 20_000);
});
