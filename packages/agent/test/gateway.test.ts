import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gateway, gatewayDigest, type GatewayNetwork } from '../src/protocol/gateway.ts';
import { addressOf, type GatewayName, gateways, type Guest, guests, networkId, startUnderlay, stateFiles } from './gateway-world.ts';

/** Guests have 1500 bytes; the underlay carries 1550. */
const order = (site: 1 | 2, peers: readonly GatewayName[]): GatewayNetwork => {
  const [own, other] = site === 1 ? [guests.a, guests.b] : [guests.b, guests.a];
  return { network: networkId, siteVni: own.vni, transitVni: 9_001, mtu: 1_500, local: [{ vtep: addressOf(own.node), macs: [own.mac] }], remote: peers.map((p) => ({ vtep: addressOf(p), macs: [other.mac] })) };
};

// Interfaces and namespaces are root's. What needs neither is in src.
describe.runIf(process.getuid?.() === 0)('a border gateway’s kernel, as root', () => {
  let underlay: Awaited<ReturnType<typeof startUnderlay>>;
  const nodes = new Map<GatewayName, Awaited<ReturnType<typeof underlay.gateway>>>();
  const of = (name: GatewayName) => nodes.get(name)!;
  const ping = (from: Guest, count = 5, more: { to?: string; every?: number; size?: number } = {}): Promise<string> => underlay.ping(from, { count, ...more });
  const received = async (guest: Guest): Promise<number> => (JSON.parse(await underlay.in(guests[guest].node, 'ip -j -s link show dev vm')) as { stats64: { rx: { packets: number } } }[])[0]!.stats64.rx.packets;
  const fdb = (name: GatewayName): Promise<string> => underlay.in(name, 'bridge fdb show');

  beforeAll(async () => {
    underlay = await startUnderlay();
    for (const name of gateways) nodes.set(name, await underlay.gateway(name));
    await underlay.point('a', 'gw1a');
    await underlay.point('b', 'gw2a');
  }, 60_000);
  afterAll(() => underlay?.close(), 60_000);

  it('takes its orders and carries nothing until it is the active one; then both ways, whole packets, by different VNIs', async () => {
    for (const name of gateways) {
      const site = name.startsWith('gw1') ? 1 : 2;
      const spec = order(site, [site === 1 ? 'gw2a' : 'gw1a']);
      expect(await of(name).call(gateway.put, { epoch: 1, spec })).toEqual({ digest: gatewayDigest(spec) });
      expect(of(name).role.report().networks).toMatchObject([{ network: networkId, digest: gatewayDigest(spec), up: false, mtu: 1_500, entries: 2 }]);
    }
    expect(await ping('a', 3)).toBe('3/0');
    for (const name of ['gw1a', 'gw2a'] as const) expect(await of(name).call(gateway.lead, { epoch: 1, active: true })).toEqual({ epoch: 1, active: true, ok: true });
    // ARP for an address that nobody has told of is flooded, and answered.
    expect(await ping('a', 10)).toBe('10/10');
    expect(await ping('b', 10)).toBe('10/10');
    // 1500 bytes with their headers: in one piece here, and in one piece on the underlay.
    const fragments = await underlay.in('gw1a', 'cat /proc/net/snmp');
    expect(await ping('a', 5, { size: 1_472 })).toBe('5/5');
    const made = (snmp: string): string | undefined => {
      const [head, values] = snmp.split('\n').filter((l) => l.startsWith('Ip:')).map((l) => l.split(' '));
      return values?.[head?.indexOf('FragCreates') ?? -1];
    };
    expect(made(fragments)).toBe('0');
    expect(made(await underlay.in('gw1a', 'cat /proc/net/snmp'))).toBe(made(fragments));
    const [bytes, ms] = (await underlay.pour('a', 20_000_000)).split(' ').map(Number) as [number, number];
    console.log(`TCP over two gateways: ${bytes} bytes in ${ms} ms`);
    expect(bytes).toBe(20_000_000);
    const report = await of('gw1a').call(gateway.report, {});
    expect(report).toMatchObject({ siteMtu: 1_500, transitMtu: 1_500, problems: [], repairs: 0, networks: [{ up: true }] });
    expect(report.networks[0]!.transit.sent.packets).toBeGreaterThan(20);
    expect(of('gw1b').role.report().networks[0]).toMatchObject({ up: false, transit: { sent: { packets: 0 } } });
  }, 60_000);

  it('copies no flooded frame twice, though both gateways of both sites think that they are active; and learns nothing', async () => {
    for (const name of ['gw1b', 'gw2b'] as const) await of(name).call(gateway.lead, { epoch: 1, active: true });
    const before = await Promise.all([received('b'), fdb('gw1a'), fdb('gw2a')]);
    await ping('a', 10, { to: '10.9.0.255' });
    expect((await received('b')) - before[0]).toBe(10);
    // A source that nobody has told of.
    await underlay.in('h1', 'ip link set vm address 52:54:00:00:0f:0f');
    await ping('a', 3);
    await underlay.in('h1', `ip link set vm address ${guests.a.mac}`);
    expect(await Promise.all([fdb('gw1a'), fdb('gw2a')])).toEqual(before.slice(1));
    for (const name of ['gw1b', 'gw2b'] as const) await of(name).call(gateway.lead, { epoch: 1, active: false });
  }, 60_000);

  it('answers nobody who asks a stretched network for the gateway itself', async () => {
    await underlay.in('h1', `ip route add 10.99.0.99/32 dev vm`);
    await underlay.in('gw1a', 'ip addr add 10.99.0.99/24 dev eth0');
    expect(await ping('a', 3, { to: '10.99.0.99' })).toBe('3/0');
    // Not even one who knows its MAC address.
    const bridge = (JSON.parse(await underlay.in('gw1a', 'ip -j link show type bridge')) as { ifname: string; address: string }[])[0]!;
    await underlay.in('h1', `ip neigh replace 10.99.0.99 lladdr ${bridge.address} dev vm`);
    expect(await ping('a', 3, { to: '10.99.0.99' })).toBe('3/0');
    await underlay.in('h1', 'ip route del 10.99.0.99/32 dev vm');
    await underlay.in('gw1a', 'ip addr del 10.99.0.99/24 dev eth0');
  }, 60_000);

  it('puts right what somebody changed in the kernel, and counts it', async () => {
    const whole = await fdb('gw1a');
    await underlay.in('gw1a', `bridge fdb del ${guests.b.mac} dev gwt${networkId.slice(0, 8)} dst ${addressOf('gw2a')} self`);
    await underlay.in('gw1a', `ip link set gws${networkId.slice(0, 8)} type bridge_slave learning on`);
    await expect.poll(async () => (await fdb('gw1a')).split('\n').toSorted(), { timeout: 10_000, interval: 200 }).toEqual(whole.split('\n').toSorted());
    expect((await of('gw1a').call(gateway.report, {})).repairs).toBeGreaterThan(0);
    expect(await ping('a', 3)).toBe('3/3');
  }, 30_000);

  it('another takes over: packets lost are those until everybody sends to it', async () => {
    const running = ping('a', 150);
    await new Promise((r) => setTimeout(r, 700));
    // As by a failed power supply: it says nothing any more.
    await underlay.in('gw1a', 'ip link set eth0 down');
    const died = performance.now();
    await of('gw1b').call(gateway.lead, { epoch: 2, active: true });
    await of('gw2a').call(gateway.put, { epoch: 1, spec: order(2, ['gw1b']) });
    await underlay.point('a', 'gw1b');
    const took = Math.round(performance.now() - died);
    const [sent, got] = (await running).split('/').map(Number) as [number, number];
    console.log(`takeover ordered within ${took} ms: ${sent - got} of ${sent} packets lost at 50 a second`);
    expect(got).toBeGreaterThan(sent / 2);
    expect(await ping('b', 10)).toBe('10/10');
    expect(await of('gw1a').call(gateway.report, {})).toMatchObject({ siteMtu: 0, problems: [{ code: 'GW_GATEWAY_ADDRESS' }, { code: 'GW_GATEWAY_ADDRESS' }] });
    expect(await of('gw1a').call(gateway.beat, {})).toMatchObject({ ok: false });
    await underlay.in('gw1a', 'ip link set eth0 up');
    // When it is back, older orders are none.
    await of('gw1a').call(gateway.lead, { epoch: 2, active: false });
    await expect(of('gw1a').call(gateway.lead, { epoch: 1, active: true })).rejects.toMatchObject({ code: 'GW_GATEWAY_FENCED' });
    await expect(of('gw1a').call(gateway.put, { epoch: 1, spec: order(1, ['gw2a']) })).rejects.toMatchObject({ code: 'GW_GATEWAY_FENCED' });
  }, 60_000);

  it('after a power failure is whole before it carries a frame, with no controller there', async () => {
    const { files, role } = of('gw1b');
    await role.stop();
    await underlay.in('gw1b', `sh -c 'for d in gwb gws gwt; do ip link del $d"${networkId.slice(0, 8)}"; done'`);
    expect(await ping('a', 3)).toBe('3/0');
    const lines: string[] = [];
    nodes.set('gw1b', await underlay.gateway('gw1b', files, (line) => void lines.push(line)));
    expect(await ping('a', 5)).toBe('5/5');
    expect(of('gw1b').role.report()).toMatchObject({ epoch: 2, active: true, repairs: 0, problems: [] });
    const first = lines.findIndex((l) => l.endsWith(' up'));
    expect(lines.slice(first).every((l) => l.endsWith(' up'))).toBe(true);
    expect(lines.slice(0, first).filter((l) => l.startsWith('fdb '))).toHaveLength(6);
    // The agent alone restarts: not one frame is missed.
    const pinging = ping('a', 60);
    await of('gw1b').role.stop();
    lines.length = 0;
    nodes.set('gw1b', await underlay.gateway('gw1b', files, (line) => void lines.push(line)));
    expect(await pinging).toBe('60/60');
    expect(lines).toEqual([]);
  }, 60_000);

  it('refuses what would make a loop or one network of two, and leaves alone what is not its own', async () => {
    const other = '1d7e1c52-6f0a-4a55-9a1e-3b1f9c2d4e5f';
    const spec = order(1, ['gw2a']);
    await expect(of('gw1b').call(gateway.put, { epoch: 2, spec: { ...spec, network: other } })).rejects.toMatchObject({ code: 'GW_GATEWAY_CLASH' });
    await expect(of('gw1b').call(gateway.put, { epoch: 2, spec: { ...spec, remote: [{ vtep: addressOf('gw1b'), macs: [] }] } })).rejects.toMatchObject({ code: 'GW_GATEWAY_CLASH' });
    await underlay.in('gw1b', 'ip link add name gwb1d7e1c52 type veth peer name other');
    await expect(of('gw1b').call(gateway.put, { epoch: 2, spec: { ...spec, network: other, siteVni: 5_002, transitVni: 9_002 } })).rejects.toMatchObject({ code: 'GW_GATEWAY_FAILED', message: expect.stringContaining('somebody else made it') as string });
    await of('gw1b').call(gateway.forget, { epoch: 2, network: other });
    await of('gw1b').call(gateway.forget, { epoch: 2, network: networkId });
    const links = await underlay.in('gw1b', 'ip -br link');
    expect(links).toContain('gwb1d7e1c52');
    expect(links).not.toContain(networkId.slice(0, 8));
    // Of a file that somebody edited nothing is believed, and nothing is taken away.
    const damaged = stateFiles();
    damaged.entries.set('/state/gateway.json', { kind: 'file', mode: 0o600, uid: 0, gid: 0, text: '{' });
    await of('gw2a').role.stop();
    const { role } = await underlay.gateway('gw2a', damaged);
    expect(role.report()).toMatchObject({ epoch: 0, problems: expect.arrayContaining([expect.objectContaining({ message: expect.stringContaining('damaged') as string })]) as unknown });
    expect(await underlay.in('gw2a', 'ip -br link')).toContain(networkId.slice(0, 8));
  }, 60_000);
});
