import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../src/harness/index.ts';
import { borderOf, type Border, type BorderNode } from '../../src/harness/border.ts';
import { execIn, reaches, sendTcp, serveTcp, type Plugged } from '../../src/harness/plugged.ts';
import { startPing, type PingStats, type PingStream } from '../../src/harness/ping-stream.ts';
import { useStretch, type RemotePortView, type StretchedView } from '../../src/harness/stretch.ts';

const say = (text: string): void => console.log(`      ${text}`);
const sites = ['site1', 'site2', 'site3'] as const;

interface GatewayView {
  readonly name: string;
  readonly site: string;
  readonly state: string;
  readonly siteAddress: string;
  readonly repairs: number;
  readonly problems: readonly unknown[];
  readonly networks: readonly { readonly name?: string; readonly up: boolean; readonly inKernel: boolean; readonly entries: number; readonly site: { readonly received: { readonly packets: number } }; readonly transit: { readonly received: { readonly packets: number } } }[];
}

describe('one network over three Neutrons through border gateways, by packets', () => {
  const s = useStretch({
    sites,
    configure: (config, lab) => {
      const masterKeyFile = join(lab.paths.state, 'harness', 'master-key');
      mkdirSync(join(lab.paths.state, 'harness'), { recursive: true });
      writeFileSync(masterKeyFile, `${createHash('sha256').update('godwit lab').digest('base64')}\n`, { mode: 0o600 });
      Object.assign(config, { secrets: { masterKeyFile }, agents: { listen: `${lab.topology.wan.ops}:8791`, reportSeconds: 2 } });
    },
  });
  let border: Border;
  let net: StretchedView;
  const vms: Plugged[] = [];
  const pairs = (): [Plugged, Plugged][] => vms.flatMap((a) => vms.filter((b) => b !== a).map((b): [Plugged, Plugged] => [a, b]));
  const list = (): Promise<GatewayView[]> => s.as<GatewayView[]>('site1-admin', 'gateway', 'list');
  const activeAt = async (site: string): Promise<BorderNode> => {
    const found = (await list()).find((g) => g.site === site && g.state === 'active');
    return border.nodes.find((n) => n.name === found?.name)!;
  };
  const flows = async (site: string, table: number): Promise<string[]> => (await s.lab.exec(site, ['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', 'br-tun', `table=${table}`])).stdout.split('\n').filter((l) => l.includes('n_packets'));
  const packets = (of: readonly string[]): number => of.reduce((n, f) => n + Number(/n_packets=(\d+)/.exec(f)?.[1] ?? 0), 0);

  beforeAll(async () => {
    border = borderOf(s.lab);
    await border.start({ url: s.controller().url, cloud: 'site1-admin' });
  }, 300_000);
  afterAll(() => border?.close(), 60_000);

  it('stretched with a VNI for each site; ping and TCP pass between all three, both ways', async () => {
    net = await s.ok('network', 'stretch', 'net-gw', '--mode', 'gateway', '--site', sites.join(','), '--cidr', '10.9.0.0/24');
    const vnis = net.sites.map((x) => x.vni);
    say(`VNIs: ${net.sites.map((x) => `${x.site} ${String(x.vni)}`).join(', ')}; MTU ${net.mtu}`);
    expect(new Set(vnis).size).toBe(3);
    for (const [i, site] of sites.entries()) vms.push(await s.plug(net, site, `g${i + 1}`, { ip: `10.9.0.${10 + i * 90}` }));
    for (const vm of vms) await s.mirrored(vm);
    const { remotePorts } = await s.ok<{ remotePorts: RemotePortView[] } | RemotePortView[]>('remote-port', 'list').then((r) => (Array.isArray(r) ? { remotePorts: r } : r));
    expect(remotePorts).toHaveLength(6);
    for (const site of sites) expect(new Set(remotePorts.filter((p) => p.site === site).map((p) => p.vtep))).toEqual(new Set([(await activeAt(site)).siteAddress]));
    for (const [a, b] of pairs()) await eventually(`${a.name} to reach ${b.name}`, () => reaches(s.lab, a, b.ip), { timeoutMs: 60_000, everyMs: 100 });
    for (const vm of vms) await serveTcp(s.lab, vm);
    for (const [a, b] of pairs()) {
      const got = await sendTcp(s.lab, a, b.ip, 5 * 1024 ** 2);
      say(`TCP ${a.site} to ${b.site}: ${got.bytes} bytes, ${(got.bytes / 1024 ** 2 / got.seconds).toFixed(1)} MiB/s`);
      expect(got).toMatchObject({ name: b.name, bytes: 5 * 1024 ** 2 });
    }
    // Whole packets of the network's MTU.
    expect((await execIn(s.lab, vms[0]!, ['ping', '-n', '-q', '-c', '3', '-i', '0.2', '-M', 'do', '-s', String(net.mtu - 28), vms[2]!.ip])).code).toBe(0);
  }, 600_000);

  it('from a port’s being ACTIVE to the first packet from another site', async () => {
    const vm = await s.plug(net, 'site2', 'late', { ip: '10.9.0.140', noWait: true });
    const ping = await startPing(s.lab, vms[0]!, vm.ip);
    const { network } = await s.cloud('site2-godwit');
    await eventually('ACTIVE', async () => (await network.ports.get(vm.port.id)).status === 'ACTIVE', { everyMs: 50, timeoutMs: 60_000 });
    const at = Date.now();
    await eventually('the first packet', () => ping.count() > 0, { everyMs: 20, timeoutMs: 60_000 });
    say(`first packet ${Date.now() - at} ms after it was seen ACTIVE`);
    await ping.stop();
    await s.unplug(vm);
  }, 180_000);

  it('unicast and ARP are answered from flow tables; hypervisors see their own gateway alone', async () => {
    const [a, b] = [vms[0]!, vms[2]!];
    expect((await flows('site1', 21)).join('\n')).toContain(`arp_tpa=${b.ip}`);
    expect((await flows('site1', 20)).join('\n')).toContain(`dl_dst=${b.mac}`);
    await delay(1_000);
    const before = packets(await flows('site1', 22));
    const capture = s.lab.exec('site1', ['timeout', '6', 'tcpdump', '-lnn', '-i', 'eth1', 'udp port 4789'], { timeoutMs: 20_000 });
    await delay(2_000);
    await execIn(s.lab, a, ['ip', 'neigh', 'flush', 'all']);
    expect(await reaches(s.lab, a, b.ip, { count: 5 })).toBe(true);
    const seen = (await capture).stdout;
    expect(packets(await flows('site1', 22))).toBe(before);
    expect(seen).toMatch(/ICMP echo reply/);
    expect(seen.split('\n').filter((l) => l.includes('ARP, Request who-has') && l.includes(b.ip))).toEqual([]);
    const ends = new Set([...seen.matchAll(/IP (10\.21\.\d+\.\d+)\.\d+ > (10\.21\.\d+\.\d+)\.4789/g)].flatMap((m) => [m[1], m[2]]));
    expect(ends).toEqual(new Set(['10.21.1.10', (await activeAt('site1')).siteAddress]));
    const vni = net.sites.find((x) => x.site === 'site1')?.vni;
    expect(seen).toContain(`vni ${String(vni)}`);
    say(`seen at site1's underlay: ${seen.split('\n').filter((l) => l.includes('ICMP')).length} ICMP, 0 ARP requests for ${b.ip}, tunnel ends ${[...ends].join(' and ')}, VNI ${String(vni)}`);
  }, 60_000);

  it('a flooded frame arrives once at each site, and nothing is learned', async () => {
    const [a, b, c] = vms as [Plugged, Plugged, Plugged];
    const node = await activeAt('site2');
    const before = await border.in(node, ['bridge', 'fdb', 'show']);
    // Ten announcements of its own address, which no table answers.
    const captures = [b, c].map((vm) => execIn(s.lab, vm, ['timeout', '5', 'tcpdump', '-lnn', '-i', 'eth0', `arp and ether src ${a.mac} and ether dst ff:ff:ff:ff:ff:ff`]));
    await delay(2_000);
    await execIn(s.lab, a, ['python3', '-c', [
      'import socket,time', "s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW);s.bind(('eth0',0))", `m=bytes.fromhex('${a.mac.replaceAll(':', '')}')`,
      `f=b'\\xff'*6+m+bytes.fromhex('08060001080006040001')+m+socket.inet_aton('${a.ip}')+b'\\0'*6+socket.inet_aton('${a.ip}')`, 'for i in range(10):\n  s.send(f);time.sleep(0.05)',
    ].join('\n')]);
    const counts = (await Promise.all(captures)).map((x) => x.stdout.split('\n').filter((l) => l.includes(a.ip)).length);
    say(`ten flooded frames: ${counts.join(' and ')} arrived at the other sites`);
    expect(counts).toEqual([10, 10]);
    expect(await border.in(node, ['bridge', 'fdb', 'show'])).toBe(before);
  }, 60_000);

  describe('faults, with a ping of 20 a second between all sites', () => {
    const streams: { name: string; ping: PingStream }[] = [];
    const since = async (what: string): Promise<PingStats[]> => {
      const all = await Promise.all(streams.map(({ ping }) => ping.mark()));
      all.forEach((m, i) => say(`${what}, ${streams[i]?.name ?? ''}: ${m.lost} of ${m.sent} packets lost, longest gap ${m.longestMs} ms`));
      return all;
    };
    const leads = (site: string, name: string): Promise<unknown> => eventually(`${name} to lead`, async () => (await activeAt(site))?.name === name, { timeoutMs: 60_000, everyMs: 200 });
    const settled = (): Promise<unknown> => eventually('all in step', async () => (await s.cli('network', 'check', 'net-gw')).code === 0, { timeoutMs: 90_000 });

    beforeAll(async () => {
      for (const [a, b] of [[0, 1], [1, 0], [2, 0]] as const) streams.push({ name: `${vms[a]!.site} to ${vms[b]!.site}`, ping: await startPing(s.lab, vms[a]!, vms[b]!.ip) });
      await settled();
      await delay(1_000);
      await since('before any fault');
    }, 120_000);
    afterAll(async () => {
      for (const { ping } of streams) await ping.stop();
    });

    it('an agent of a gateway is killed: another takes over, the kernel carries on meanwhile', async () => {
      const node = await activeAt('site1');
      const next = border.nodes.find((n) => n.site === 'site1' && n.name !== node.name)!;
      await border.killAgent(node);
      try {
        await leads('site1', next.name);
        await settled();
        // Open vSwitch in user space stands still while it gets a tunnel that it did not have.
        for (const m of await since('agent of the active gateway killed')) expect(m.longestMs).toBeLessThan(3_000);
      } finally {
        await border.startAgent(node);
      }
      await eventually('it to stand by', async () => (await list()).find((g) => g.name === node.name)?.state === 'standby', { timeoutMs: 60_000 });
      await delay(2_000);
      expect((await since('it is back, and stands by')).map((x) => x.lost)).toEqual([0, 0, 0]);
    }, 240_000);

    it('a gateway loses its power: another takes over; packets lost are printed; when it is back it stands by', async () => {
      const node = await activeAt('site1');
      const next = border.nodes.find((n) => n.site === 'site1' && n.name !== node.name)!;
      const at = Date.now();
      await border.powerOff(node);
      try {
        await eventually('packets', () => reaches(s.lab, vms[0]!, vms[1]!.ip), { timeoutMs: 60_000, everyMs: 50 });
        say(`packets again ${Date.now() - at} ms after the power went`);
        await leads('site1', next.name);
        for (const m of await since('a gateway lost its power')) expect(m.longestMs).toBeLessThan(12_000);
        await settled();
        expect((await since('until Neutron knew')).map((x) => x.lost)).toEqual([0, 0, 0]);
      } finally {
        await border.powerOn(node);
      }
      await eventually('it to stand by, with its tables', async () => {
        const g = (await list()).find((x) => x.name === node.name);
        return g?.state === 'standby' && g.problems.length === 0 && g.networks[0]?.inKernel === true;
      }, { timeoutMs: 60_000 });
      expect((await since('it is back')).map((x) => x.lost)).toEqual([0, 0, 0]);
    }, 240_000);

    it('a site’s real L2 agent restarts, and what it hears then is the gateway that leads now', async () => {
      await s.lab.stopService('site1', 'neutron-ovs-agent', { kill: true });
      await s.lab.startService('site1', 'neutron-ovs-agent');
      await delay(5_000);
      for (const [a, b] of pairs()) expect(await reaches(s.lab, a, b.ip, { count: 3 })).toBe(true);
      await since('real L2 agent restarted');
    }, 240_000);

    it('with no controller there traffic flows, and a gateway that comes back from a power failure carries it by its last orders', async () => {
      const lead = await activeAt('site2');
      await s.stopController();
      try {
        await delay(5_000);
        expect((await since('no controller')).map((x) => x.lost)).toEqual([0, 0, 0]);
        const at = Date.now();
        await border.powerOff(lead);
        await border.powerOn(lead);
        await eventually('packets', () => reaches(s.lab, vms[0]!, vms[1]!.ip), { timeoutMs: 60_000, everyMs: 50 });
        say(`packets again ${Date.now() - at} ms after its power went, with no controller there`);
        await since('power failure with no controller');
      } finally {
        await s.startController();
      }
      await settled();
      for (const m of await since('the controller is back')) expect(m.longestMs).toBeLessThan(3_000);
    }, 240_000);
  });

  it('unstretched, the gateways forget it', async () => {
    say((await list()).map((g) => `${g.name} ${g.state}: ${g.networks.map((n) => `${n.site.received.packets} packets from the site, ${n.transit.received.packets} from the others`).join('')}`).join('\n      '));
    for (const vm of vms) await s.unplug(vm);
    await s.ok('network', 'unstretch', 'net-gw');
    await eventually('no network at any gateway', async () => (await list()).every((g) => g.networks.length === 0), { timeoutMs: 60_000 });
    for (const node of border.nodes) expect(await border.in(node, ['ip', '-br', 'link'])).not.toMatch(/gw[bst]/);
  }, 180_000);
});
