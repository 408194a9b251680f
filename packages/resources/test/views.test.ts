import { describe, expect, it } from 'vitest';
import { AutomaticLoop } from '../src/policies/automatic.ts';
import { imagePolicySchema } from '../src/policies/schemas.ts';
import { Pulls } from '../src/images/pull.ts';
import { addressConflicts, readInventory } from '../src/views/inventory.ts';
import { emulated, project } from './emulated.ts';

describe('views over all sites', () => {
  it('of all projects: every address with its project; the same address in two projects’ networks of one name is no conflict', async () => {
    const w = await emulated();
    for (const cloud of [w.cloud('site1'), w.cloud('site1-stranger')]) {
      const net = await cloud.network.networks.create({ name: 'private' });
      await cloud.network.subnets.create({ network_id: net.id, ip_version: 4, cidr: '10.9.0.0/24' });
      await cloud.network.ports.create({ network_id: net.id, fixed_ips: [{ ip_address: '10.9.0.7' }] });
    }
    const [net] = await w.cloud('site2').network.networks.list({ name: 'vnf-net' });
    for (const site of ['site1', 'site2']) {
      const here = site === 'site2' ? net : (await w.cloud(site).network.networks.list({ name: 'vnf-net' }))[0];
      await w.cloud(site).network.ports.create({ network_id: here?.id, fixed_ips: [{ ip_address: '192.168.50.77' }] });
    }
    const all = await readInventory(w.deps, undefined, { kind: 'addresses', limit: 1000 });
    const with7 = all.items.filter((i) => (i.detail['ips'] as string[]).includes('10.9.0.7'));
    expect(with7.map((i) => i.projectName).sort()).toEqual(['Default/other', 'Default/vnf']);
    for (const whose of [undefined, project]) {
      const { conflicts } = await addressConflicts(w.deps, whose);
      expect(conflicts.map((c) => [c.address, c.holders.map((h) => h.site).sort()])).toEqual([['192.168.50.77', ['site1', 'site2']]]);
    }
    expect((await readInventory(w.deps, project, { kind: 'addresses', limit: 1000 })).items.filter((i) => (i.detail['ips'] as string[]).includes('10.9.0.7'))).toHaveLength(1);
  }, 20_000);
});

describe('an automatic policy', () => {
  it('brings what is lacking; a clone that does not help is begun again ever later, and at once when the image has changed', async () => {
    const w = await emulated();
    const begun: string[] = [];
    let now = 1_000_000;
    const deps = { ...w.deps, clock: { ...w.deps.clock, now: () => new Date(now) } };
    const loop = new AutomaticLoop({ ...deps, clone: (_p, from, id, name, to) => { begun.push(`${name} ${from} ${to.join()}`); return Promise.resolve(); } });
    const { image } = w.cloud('site1');
    const made = await image.create({ name: 'auto', disk_format: 'raw', container_format: 'bare' });
    await image.upload(made.id, Buffer.alloc(1_000, 1), 1_000);
    const policy = { id: 'p', project: 'Default/vnf', name: 'p', doc: imagePolicySchema.parse({ name: 'p', source: 'site1', sites: ['site2'], mode: 'automatic', images: ['auto'], everySeconds: 10 }) };
    const times: number[] = [];
    for (let n = 0; n < 16; n++, now += 10_000) {
      const before = begun.length;
      await loop.look(policy, [policy]);
      if (begun.length > before) times.push(n);
    }
    expect([times, begun[0]]).toEqual([[0, 1, 3, 7, 15], 'auto site1 site2']);
    // Glance counts seconds.
    await new Promise((r) => setTimeout(r, 1_100));
    await image.update(made.id, [{ op: 'add', path: '/colour', value: 'red' }]);
    await loop.look(policy, [policy]);
    expect(begun.length).toBe(6);
  }, 20_000);
});

describe('the plain copy', () => {
  it('an address is good once; a refused import leaves no image', async () => {
    const w = await emulated();
    const { id: token } = await w.cloud('site1').session.token();
    const { image } = w.cloud('site1');
    const made = await image.create({ name: 'app', disk_format: 'raw', container_format: 'bare' });
    await image.upload(made.id, Buffer.alloc(1_000, 1), 1_000);
    const pulls = new Pulls(w.deps);
    const request = { image: made.id, from: 'site1', to: 'site2', name: 'pulled' };
    w.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'POST', path: '/import$', status: 403, times: 1 });
    await expect(pulls.pull(token, project, request, 'http://127.0.0.1:1')).rejects.toMatchObject({ code: 'GW_SITE_FORBIDDEN' });
    expect(await w.cloud('site2').image.list({ name: 'pulled' })).toEqual([]);
    expect((await pulls.pull(token, project, request, 'http://127.0.0.1:1')).method).toBe('web-download');
    expect(await pulls.open('nothing')).toBeUndefined();
  }, 20_000);
});
