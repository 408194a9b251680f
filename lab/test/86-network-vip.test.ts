import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../src/harness/index.ts';
import { execIn, reaches, type Plugged } from '../src/harness/plugged.ts';
import { startPing } from '../src/harness/ping-stream.ts';
import { useStretch, type StretchedView } from '../src/harness/stretch.ts';
import { startVipGuest, type VipGuest } from '../src/harness/vip-guest.ts';

const address = '10.9.0.250';
const say = (text: string): void => console.log(`      ${text}`);

interface VipView {
  readonly epoch: number;
  readonly holder: { readonly site: string };
}

describe('a virtual IP over two sites, as a third host sees it', () => {
  const s = useStretch();
  let net: StretchedView;
  let a: Plugged;
  let b: Plugged;
  let client: Plugged;
  const guests: VipGuest[] = [];

  beforeAll(async () => {
    net = await s.ok<StretchedView>('network', 'stretch', 'net-vip', '--site', 'site1,site2', '--cidr', '10.9.0.0/24', '--pool', 'site1=10.9.0.10-10.9.0.99,site2=10.9.0.100-10.9.0.199');
    [a, b, client] = await Promise.all([s.plug(net, 'site1', 'va', { ip: '10.9.0.10' }), s.plug(net, 'site2', 'vb', { ip: '10.9.0.110' }), s.plug(net, 'site1', 'vc', { ip: '10.9.0.20' })]);
    await Promise.all([a, b, client].map((p) => s.mirrored(p)));
  });
  afterAll(async () => {
    for (const g of guests) await g.stop();
  });
  const vip = (): Promise<VipView> => s.ok<VipView[]>('vip', 'list').then((l) => l[0] as VipView);
  const move = async (site: string, body: Record<string, unknown> = {}): Promise<{ status: number; body: { ms?: number; told?: number; epoch?: number; code?: string } }> => {
    const tenant = await s.cloud('site1');
    const answer = await fetch(`${s.controller().url}/v1/vips/net-front/move`, { method: 'POST', headers: { 'x-auth-token': (await tenant.session.token()).id, 'x-auth-url': tenant.config.auth.authUrl, 'content-type': 'application/json' }, body: JSON.stringify({ site, ...body }) });
    return { status: answer.status, body: (await answer.json()) as { ms?: number } };
  };

  it('is reserved at both sites, the members’ ports and remote ports may use it, and its holder answers', async () => {
    const made = await s.ok<{ findings: unknown[]; epoch: number }>('vip', 'create', 'net-vip', 'net-front', '--address', address, '--member', `site1=va,site2=vb`);
    expect(made).toMatchObject({ findings: [], epoch: 1, holder: { site: 'site1' } });
    for (const [site, own] of [['site1', a], ['site2', b]] as const) {
      const { network } = await s.cloud(`${site}-godwit`);
      expect((await network.ports.list({ device_owner: 'godwit:vip' })).map((p) => p.fixed_ips[0]?.ip_address)).toEqual([address]);
      expect((await network.ports.get(own.port.id)).allowed_address_pairs.map((p) => p.ip_address)).toEqual([address]);
      await eventually('the pair on the remote port', async () => (await network.ports.list({ device_id: (own === a ? b : a).port.id, device_owner: 'godwit:remote' }))[0]?.allowed_address_pairs[0]?.ip_address === address, { timeoutMs: 60_000 });
    }
    const tenant = await s.cloud('site1');
    for (const p of [a, b]) guests.push(await startVipGuest(s.lab, p, { url: s.controller().url, vip: 'net-front', address: `${address}/24`, tenant }));
    await eventually('the holder to answer', () => reaches(s.lab, client, address), { timeoutMs: 60_000 });
    expect((await execIn(s.lab, client, ['ip', 'neigh', 'show', address])).stdout).toContain(a.mac);
  });

  it('moves there and back ten times: the outage at a third host, 50 packets a second', async () => {
    const ping = await startPing(s.lab, client, address, 20);
    await eventually('answers', () => ping.count() > 10, { timeoutMs: 30_000, everyMs: 20 });
    await ping.mark();
    const outages: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const to = n % 2 === 0 ? 'site2' : 'site1';
      const { status, body } = await move(to);
      expect(status).toBe(200);
      expect(body.told).toBe(2);
      await delay(2_000);
      const stats = await ping.mark();
      // From the last answer before to the first after, less the pause that there is anyhow.
      const outage = Math.max(0, stats.longestMs - 20);
      outages.push(outage);
      say(`move to ${to}: outage ${outage} ms (${stats.lost} of ${stats.sent} packets lost); Godwit took ${body.ms ?? 0} ms`);
      expect((await execIn(s.lab, client, ['ip', 'neigh', 'show', address])).stdout).toContain((to === 'site1' ? a : b).mac);
    }
    await ping.stop();
    const sorted = outages.toSorted((x, y) => x - y);
    say(`outage: median ${sorted[5] ?? 0} ms, worst ${sorted.at(-1) ?? 0} ms`);
    expect(await vip()).toMatchObject({ epoch: 11, holder: { site: 'site1' } });
  });

  it('moves while no Neutron answers; ARP for it is answered from the flow tables with the new holder', async () => {
    for (const site of ['site1', 'site2']) for (const service of ['neutron-api', 'neutron-rpc']) await s.lab.stopService(site, service, { kill: true });
    const { status, body } = await move('site2');
    expect(status).toBe(200);
    expect(body.told).toBe(2);
    await eventually('the new holder', async () => (await execIn(s.lab, client, ['ip', 'neigh', 'show', address])).stdout.includes(b.mac), { timeoutMs: 10_000, everyMs: 50 });
    expect(await reaches(s.lab, client, address)).toBe(true);
    const flow = (await s.lab.exec('site1', ['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', 'br-tun', 'table=21'])).stdout.split('\n').find((l) => l.includes(`arp_tpa=${address}`)) ?? '';
    expect(flow.replaceAll(':', '')).toContain(b.mac.replaceAll(':', ''));
    expect((await s.lab.exec('site2', ['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', 'br-tun', 'table=21'])).stdout).not.toContain(`arp_tpa=${address}`);
    for (const site of ['site1', 'site2']) for (const service of ['neutron-rpc', 'neutron-api']) await s.lab.startService(site, service);
  });

  it('a claim of an epoch that is over is refused; of two at once one is granted', async () => {
    const { epoch } = await vip();
    expect(await move('site1', { epoch: epoch - 1 })).toMatchObject({ status: 409, body: { code: 'GW_VIP_FENCED' } });
    const both = await Promise.all([move('site1', { epoch }), move('site1', { epoch })]);
    expect(both.map((x) => x.status).toSorted()).toEqual([200, 409]);
  });

  it('moves by itself when its holder is unplugged', async () => {
    await s.ok('vip', 'delete', 'net-front');
    await eventually('it to be gone', async () => (await s.ok<unknown[]>('vip', 'list')).length === 0, { timeoutMs: 60_000 });
    await s.ok('vip', 'create', 'net-vip', 'net-front', '--address', address, '--member', `site1=va,site2=vb`, '--automatic');
    await eventually('the holder to answer', () => reaches(s.lab, client, address), { timeoutMs: 90_000 });
    const ping = await startPing(s.lab, client, address, 20);
    await eventually('answers', () => ping.count() > 10, { timeoutMs: 30_000, everyMs: 20 });
    await ping.mark();
    await s.lab.exec('site1', ['ovs-vsctl', '--timeout=20', 'del-port', 'br-int', a.tap]);
    await eventually('it to move', async () => (await vip()).holder.site === 'site2', { timeoutMs: 90_000 });
    const stats = await ping.mark();
    say(`holder unplugged: outage ${stats.longestMs} ms (${stats.lost} packets lost)`);
    await ping.stop();
    await s.ok('vip', 'delete', 'net-front');
    await s.ok('network', 'unstretch', 'net-vip', '--keep');
  });
});
