import { active, connect, eventually, execIn, godwitOk, plug, sendTcp, serveTcp, startController, startPing, startVipGuest, unplug, type Plugged, type VipGuest } from '@godwit/lab';
import type { Cloud } from '@godwit/openstack';
import { median, table, type Bench } from './types.ts';

const address = '10.11.15.250';
/** As many at once as Godwit asks for. */
const BULK = 25;
const RTT_MS = 20;

interface Stretched {
  readonly sites: readonly { readonly site: string; readonly networkId: string }[];
}

/** Stretched networks: how soon a new port is reached, remote ports a second, the outage of a moving address, TCP across. `rounds`: hundreds of remote ports, default 1. */
export const networkBench: Bench = async (lab, { say, rounds = 1 }) => {
  const count = rounds * 100;
  const clouds = { site1: await connect(lab, 'site1-godwit'), site2: await connect(lab, 'site2-godwit') };
  const tenant = await connect(lab, 'site1');
  await Promise.all(Object.values(clouds).map(clear));
  let controller = await startController(lab, { name: 'bench-network', port: 8_795 });
  const cli = { url: controller.url, cloud: 'site1' };
  const plugged: Plugged[] = [];
  const guests: VipGuest[] = [];
  try {
    const net = await godwitOk<Stretched>(lab, cli, 'network', 'stretch', 'bench-net', '--site', 'site1,site2', '--cidr', '10.11.0.0/20', '--pool', 'site1=10.11.0.10-10.11.7.255,site2=10.11.8.0-10.11.15.200');
    const on = async (site: 'site1' | 'site2', name: string, ip: string, noWait = false): Promise<Plugged> => {
      const p = await plug(lab, site, clouds[site], { networkId: net.sites.find((s) => s.site === site)?.networkId ?? '', name, ip, prefixLength: 20, noWait });
      plugged.push(p);
      return p;
    };
    const a = await on('site1', 'ba', '10.11.0.11');
    const c = await on('site1', 'bc', '10.11.0.12');
    const first: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const ip = `10.11.9.${10 + n}`;
      const ping = await startPing(lab, a, ip, RTT_MS);
      const p = await on('site2', `bt${n}`, ip, true);
      await active(clouds.site2, p.port.id);
      const at = Date.now();
      const before = ping.count();
      await eventually('the first packet', () => ping.count() > before, { everyMs: 5, timeoutMs: 60_000 });
      first.push(before > 0 ? 0 : Date.now() - at);
      await ping.stop();
      say(`port ${n + 1}: ${first.at(-1) ?? 0} ms from its being seen ACTIVE to the first answer at the other site`);
    }
    const b = plugged.find((p) => p.name === 'bt0') as Plugged;

    const vip = await addressMoves(a, b, c);
    for (const p of [b, c]) await serveTcp(lab, p);
    const tcp = { across: [] as number[], within: [] as number[] };
    for (let n = 0; n < 3; n += 1) {
      for (const [to, list] of [[b, tcp.across], [c, tcp.within]] as const) {
        const got = await sendTcp(lab, a, to.ip, 30 * 1024 ** 2, 120_000);
        if (got.error !== undefined) throw new Error(`TCP to ${to.name}: ${got.error}`);
        list.push(got.bytes / 1024 ** 2 / got.seconds);
      }
    }
    say(`TCP: ${tcp.across.map((x) => x.toFixed(1)).join(', ')} MiB/s across, ${tcp.within.map((x) => x.toFixed(1)).join(', ')} MiB/s within a site`);

    const ports = await manyPorts(net);
    const text = [
      table([
        ['', 'measured', 'aim'],
        ['port ACTIVE to first packet from the other site, median of 5, ms', median(first).toFixed(0), '1000'],
        ['virtual IP moves, outage at a third host, median of 20, ms', median(vip).toFixed(0), '100'],
        ['  worst, ms', Math.max(...vip).toFixed(0), ''],
        [`${count} remote ports made, ports a second`, ports.made.toFixed(2), `${(0.8 * ports.plain).toFixed(2)} (0.8 of plain)`],
        ['  Neutron’s own bulk create of plain bound ports, at the same site', ports.plain.toFixed(2), ''],
        ['  removed, ports a second', ports.removed.toFixed(2), ''],
        ['TCP across the stretch, MiB/s', median(tcp.across).toFixed(1), ''],
        ['  within a site, the same namespaces’ kind, MiB/s', median(tcp.within).toFixed(1), ''],
        [`controller’s memory with ${count} remote ports, MiB`, String(ports.residentMiB), ''],
      ]),
    ].join('\n');
    return { name: 'network', text, figures: { first, vip, tcp, ports: { count, ...ports } } };
  } finally {
    for (const g of guests) await g.stop();
    for (const p of plugged) await unplug(lab, clouds[p.site as 'site1' | 'site2'], p).catch(() => undefined);
    await controller.stop();
    await Promise.all(Object.values(clouds).map(clear));
    await Promise.all([tenant, ...Object.values(clouds)].map((x) => x.close()));
  }

  async function addressMoves(a: Plugged, b: Plugged, client: Plugged): Promise<number[]> {
    await godwitOk(lab, cli, 'vip', 'create', 'bench-net', 'bench-vip', '--address', address, '--member', `site1=${a.name},site2=${b.name}`);
    for (const p of [a, b]) guests.push(await startVipGuest(lab, p, { url: controller.url, vip: 'bench-vip', address: `${address}/20`, tenant }));
    await eventually('the holder to answer', async () => (await execIn(lab, client, ['ping', '-n', '-q', '-c', '1', '-W', '1', address])).code === 0);
    const ping = await startPing(lab, client, address, RTT_MS);
    await eventually('answers', () => ping.count() > 10);
    await ping.mark();
    const outages: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      const token = await tenant.session.token();
      const answer = await fetch(`${controller.url}/v1/vips/bench-vip/move`, { method: 'POST', headers: { 'x-auth-token': token.id, 'x-auth-url': tenant.config.auth.authUrl, 'content-type': 'application/json' }, body: JSON.stringify({ site: n % 2 === 0 ? 'site2' : 'site1' }) });
      if (answer.status !== 200) throw new Error(await answer.text());
      await new Promise((r) => setTimeout(r, 1_500));
      outages.push(Math.max(0, (await ping.mark()).longestMs - RTT_MS));
    }
    await ping.stop();
    say(`virtual IP: outages ${outages.join(', ')} ms`);
    return outages;
  }

  /** Made at site1 while no controller runs; then mirrored at site2, where the same number of plain ports is made before, by turns of as many. */
  async function manyPorts(net: Stretched): Promise<{ plain: number; made: number; removed: number; residentMiB: number }> {
    const [here, there] = ['site1', 'site2'].map((s) => net.sites.find((x) => x.site === s)?.networkId ?? '');
    await controller.stop();
    for (const [site, cloud] of Object.entries(clouds)) {
      const admin = await connect(lab, `${site}-admin`);
      await admin.network.setQuota((await cloud.session.token()).projectId ?? '', { port: 5_000 });
      await admin.close();
    }
    const make = async (cloud: Cloud, networkId: string, host: string, base: number): Promise<number> => {
      const begun = Date.now();
      for (let n = 0; n < count; n += BULK) {
        const bodies = Array.from({ length: Math.min(BULK, count - n) }, (_, i) => ({ network_id: networkId, name: 'bench-many', device_owner: 'lab:bench', 'binding:host_id': host, fixed_ips: [{ ip_address: `10.11.${base + Math.floor((n + i) / 200)}.${20 + ((n + i) % 200)}` }] }));
        await cloud.network.ports.createMany(bodies, { timeoutMs: 600_000 });
      }
      return count / ((Date.now() - begun) / 1_000);
    };
    const hostOf = (site: string): string => lab.sites.find((s) => s.name === site)?.hypervisor ?? '';
    const remote = async (): Promise<number> => (await clouds.site2.network.ports.list({ network_id: there, device_owner: 'godwit:remote' })).length;
    const plain = await make(clouds.site2, there ?? '', hostOf('site2'), 10);
    say(`plain ports at site2: ${plain.toFixed(2)} a second`);
    await drop(clouds.site2, there ?? '');
    await make(clouds.site1, here ?? '', hostOf('site1'), 1);
    const start = await remote();
    controller = await startController(lab, { name: 'bench-network', port: 8_795, keepDatabase: true });
    await eventually('the first remote port', async () => (await remote()) > start, { timeoutMs: 120_000, everyMs: 500 });
    const [from, at] = [await remote(), Date.now()];
    await eventually('all remote ports', async () => (await remote()) >= start + count, { timeoutMs: 1_200_000, everyMs: 500 });
    // From the first bulk that was seen to the last.
    const made = (start + count - from) / ((Date.now() - at) / 1_000);
    const residentMiB = controller.residentMiB();
    say(`remote ports at site2: ${made.toFixed(2)} a second; the controller takes ${residentMiB} MiB`);
    await drop(clouds.site1, here ?? '');
    const gone = Date.now();
    const left = await remote();
    await eventually('all to be gone', async () => (await remote()) <= start, { timeoutMs: 1_200_000, everyMs: 500 });
    const removed = (left - start) / ((Date.now() - gone) / 1_000);
    return { plain, made: Number.isFinite(made) ? made : 0, removed, residentMiB };
  }
};

async function drop(cloud: Cloud, networkId: string): Promise<void> {
  const ports = await cloud.network.ports.list({ network_id: networkId, name: 'bench-many' });
  for (let n = 0; n < ports.length; n += 8) await Promise.all(ports.slice(n, n + 8).map((p) => cloud.network.ports.delete(p.id)));
}

async function clear({ network }: Cloud): Promise<void> {
  for (const { id } of (await network.networks.list()).filter((n) => n.name === 'bench-net')) {
    for (const port of await network.ports.list({ network_id: id })) await network.ports.delete(port.id).catch(() => undefined);
    await network.networks.delete(id).catch(() => undefined);
  }
  for (const a of (await network.agents.list()).filter((x) => x.host.startsWith('godwit-remote-'))) await network.agents.delete(a.id).catch(() => undefined);
}

