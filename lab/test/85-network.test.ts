import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, eventually } from '../src/harness/index.ts';
import { active, execIn, reaches, sendTcp, serveTcp, type Plugged } from '../src/harness/plugged.ts';
import { startPing, type PingStats, type PingStream } from '../src/harness/ping-stream.ts';
import { useStretch, type RemotePortView, type StretchedView } from '../src/harness/stretch.ts';

const cidr = '10.9.0.0/24';
const say = (text: string): void => console.log(`      ${text}`);
const lost = (what: string, s: PingStats): void => say(`${what}: ${s.lost} of ${s.sent} packets lost, longest gap ${s.longestMs} ms${s.gaps.length === 0 ? '' : ` (${s.gaps.slice(0, 5).map((g) => `${g.lost} at ${new Date(g.at).toISOString().slice(11, 23)}`).join(', ')})`}`);
/**
 * The stream went on. Exact counts are printed; one packet of thousands was seen lost at a moment when nothing of its way changed (docs/operators/network.md),
 * while a way that was taken down and built again costs ten and more, and over half a second.
 */
const unbroken = (both: readonly PingStats[]): void => {
  for (const s of both) {
    expect(s.lost).toBeLessThanOrEqual(2);
    expect(s.longestMs).toBeLessThan(500);
  }
};

describe('one network over two Neutrons, by packets', () => {
  const s = useStretch();
  let ha: StretchedView;
  let a: Plugged;
  let b: Plugged;

  const entries = async (site: string, table: number): Promise<string[]> => (await s.lab.exec(site, ['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', 'br-tun', `table=${table}`])).stdout.split('\n').filter((l) => l.includes('n_packets'));
  const packets = (flows: readonly string[]): number => flows.reduce((n, f) => n + Number(/n_packets=(\d+)/.exec(f)?.[1] ?? 0), 0);

  it('stretched; ping and TCP pass both ways, from a second after a port is ACTIVE', async () => {
    ha = await s.ok<StretchedView>('network', 'stretch', 'net-ha', '--site', 'site1,site2', '--cidr', cidr);
    a = await s.plug(ha, 'site1', 'a', { ip: '10.9.0.10' });
    await s.mirrored(a);
    const ping = await startPing(s.lab, a, '10.9.0.140');
    b = await s.plug(ha, 'site2', 'b', { ip: '10.9.0.140', noWait: true });
    await active(await s.cloud('site2-godwit'), b.port.id);
    const at = Date.now();
    const first = await eventually('the first packet', () => ping.count() > 0, { everyMs: 20, timeoutMs: 60_000 }).then(() => Date.now() - at);
    say(`from b’s port being seen ACTIVE to the first answer at a: ${first} ms`);
    await ping.stop();
    // The groups of a's site learn of b by a message of their own.
    await eventually('b to reach a', () => reaches(s.lab, b, a.ip), { everyMs: 50, timeoutMs: 30_000 });
    say(`b reaches a ${Date.now() - at} ms after its port was seen ACTIVE`);
    await Promise.all([serveTcp(s.lab, a), serveTcp(s.lab, b)]);
    for (const [from, to] of [[a, b], [b, a]] as const) {
      const got = await sendTcp(s.lab, from, to.ip, 10 * 1024 ** 2);
      say(`TCP ${from.name} to ${to.name}: ${got.bytes} bytes, ${(got.bytes / 1024 ** 2 / got.seconds).toFixed(1)} MiB/s`);
      expect(got).toMatchObject({ name: to.name, bytes: 10 * 1024 ** 2 });
    }
  });

  it('unicast and ARP are answered from the flow tables: nothing is flooded', async () => {
    expect((await entries('site1', 21)).join('\n')).toContain(`arp_tpa=${b.ip}`);
    expect((await entries('site1', 20)).join('\n')).toContain(`dl_dst=${b.mac}`);
    await delay(1_000);
    const before = { flood: packets(await entries('site1', 22)), arp: packets((await entries('site1', 21)).filter((f) => f.includes(`arp_tpa=${b.ip}`))) };
    const capture = s.lab.exec('site1', ['timeout', '6', 'tcpdump', '-lnn', '-i', 'eth1', 'udp port 4789'], { timeoutMs: 20_000 });
    await delay(2_000);
    await execIn(s.lab, a, ['ip', 'neigh', 'flush', 'all']);
    expect(await reaches(s.lab, a, b.ip, { count: 5 })).toBe(true);
    const seen = (await capture).stdout;
    expect(packets((await entries('site1', 21)).filter((f) => f.includes(`arp_tpa=${b.ip}`)))).toBeGreaterThan(before.arp);
    expect(packets(await entries('site1', 22))).toBe(before.flood);
    expect(seen).toMatch(/ICMP echo reply/);
    expect(seen.split('\n').filter((l) => l.includes('ARP, Request who-has') && l.includes(b.ip))).toEqual([]);
    say(`tunnel seen by tcpdump: ${seen.split('\n').filter((l) => l.includes('ICMP')).length} ICMP, 0 ARP requests for ${b.ip}`);
  });

  it('a rule with a remote group lets its peer of the other site in, and no other', async () => {
    for (const site of ['site1', 'site2']) {
      const { network } = await s.cloud(site);
      const [peers, others] = [await network.securityGroups.create({ name: 'net-peers' }), await network.securityGroups.create({ name: 'net-others' })];
      await network.securityGroupRules.create({ security_group_id: peers.id, direction: 'ingress', ethertype: 'IPv4', remote_group_id: peers.id });
      void others;
    }
    const group = async (site: string, name: string): Promise<string> => (await (await s.cloud(site)).network.securityGroups.list({ name }))[0]?.id ?? '';
    const peer = await s.plug(ha, 'site1', 'peer', { ip: '10.9.0.11', groups: [await group('site1', 'net-peers')] });
    const other = await s.plug(ha, 'site1', 'other', { ip: '10.9.0.12', groups: [await group('site1', 'net-others')] });
    const target = await s.plug(ha, 'site2', 'target', { ip: '10.9.0.141', groups: [await group('site2', 'net-peers')] });
    await Promise.all([peer, other, target].map((p) => s.mirrored(p)));
    await eventually('the peer to be let in', () => reaches(s.lab, peer, target.ip), { timeoutMs: 30_000 });
    await serveTcp(s.lab, target);
    expect(await reaches(s.lab, other, target.ip, { count: 3 })).toBe(false);
    expect(await sendTcp(s.lab, peer, target.ip, 1_000)).toMatchObject({ name: 'target', bytes: 1_000 });
    expect((await sendTcp(s.lab, other, target.ip, 1_000)).error).toBeDefined();
    // And to what lets everybody of its group in: the stranger is of no such group either.
    expect(await reaches(s.lab, other, b.ip, { count: 3 })).toBe(false);
    for (const p of [peer, other, target]) await s.unplug(p);
  });

  it('two tenants with the same addresses stay apart', async () => {
    const theirs = await s.as<StretchedView>('site1-stranger', 'network', 'stretch', 'net-ha', '--site', 'site1,site2', '--cidr', cidr);
    expect(theirs.vni).not.toBe(ha.vni);
    const project = 'other';
    const [x, y] = [await s.plug(theirs, 'site1', 'x', { ip: a.ip, project }), await s.plug(theirs, 'site2', 'y', { ip: b.ip, project })];
    await Promise.all([x, y].map((p) => s.mirrored(p, project)));
    await serveTcp(s.lab, y);
    await eventually('their peers to reach each other', () => reaches(s.lab, x, y.ip), { timeoutMs: 30_000 });
    // Who answers tells the networks apart.
    expect(await sendTcp(s.lab, x, y.ip, 1_000)).toMatchObject({ name: 'y' });
    expect(await sendTcp(s.lab, a, b.ip, 1_000)).toMatchObject({ name: 'b' });
    expect(JSON.stringify((await s.cli('network', 'show', theirs.id)).json)).toContain('GW_STRETCHED_UNKNOWN');
    for (const p of [x, y]) await s.unplug(p, project);
    await s.as('site1-stranger', 'network', 'unstretch', 'net-ha');
    expect(await reaches(s.lab, a, b.ip)).toBe(true);
  });

  describe('faults, with a ping of 20 a second each way', () => {
    let there: PingStream;
    let back: PingStream;
    const since = async (what: string): Promise<PingStats[]> => {
      const both = await Promise.all([there.mark(), back.mark()]);
      both.forEach((m, i) => lost(`${what}, ${i === 0 ? 'site1 to site2' : 'site2 to site1'}`, m));
      return both;
    };
    beforeAll(async () => {
      there = await startPing(s.lab, a, b.ip);
      back = await startPing(s.lab, b, a.ip);
      await delay(2_000);
      await since('before any fault');
    });
    afterAll(async () => {
      await there?.stop();
      await back?.stop();
    });

    it('a remote port that somebody deleted is there again', async () => {
      const [mirror] = await s.mirrored(b);
      const at = Date.now();
      await (await s.cloud('site1-godwit')).network.ports.delete(mirror?.id ?? '');
      await eventually('another', async () => {
        const [now] = await s.mirrored(b);
        return now?.id !== mirror?.id;
      }, { timeoutMs: 60_000 });
      say(`mirrored again after ${Date.now() - at} ms`);
      // For a moment the groups of a's site did not know b. What a remote-group rule alone had let in was marked as invalid then, and stays so for as long as it goes on: conntrack's mark=1. What is new passes.
      for (const [from, to] of [[a, b], [b, a]] as const) await eventually('packets', () => reaches(s.lab, from, to.ip), { timeoutMs: 30_000, everyMs: 100 });
      say(`pings that are new pass both ways ${Date.now() - at} ms after it was deleted`);
      lost('a remote port deleted by hand, site1 to site2', await there.mark());
      const marked = (await s.lab.exec('site1', ['ovs-appctl', '-t', '/run/openvswitch/ovs-vswitchd.ctl', 'dpctl/dump-conntrack'])).stdout.split('\n').filter((l) => l.includes(`src=${b.ip}`) && l.includes('mark=1'));
      const answered = back.count();
      await delay(1_000);
      say(`site2 to site1: the ping that went on ${back.count() > answered ? 'is answered' : 'is not answered any more'}; connections marked invalid at site1: ${marked.length}`);
      await back.stop();
      back = await startPing(s.lab, b, a.ip);
      await eventually('answers', () => back.count() > 5, { timeoutMs: 30_000, everyMs: 50 });
      const view = await eventually('it to be said', async () => {
        const v = await s.ok<StretchedView>('network', 'show', 'net-ha');
        return [...(v.lastReport?.drift ?? []), ...(v.lastReport?.history ?? [])].some((d) => d.what === 'missing' && d.site === 'site1') ? v : undefined;
      }, { timeoutMs: 60_000 });
      expect(view.lastReport?.findings).toEqual([]);
    });

    it('an agent’s row that somebody removed is there again; the stream goes on', async () => {
      const { network } = await s.cloud('site1-godwit');
      const virtual = async () => (await network.agents.list()).find((x) => x.host.startsWith('godwit-'));
      const old = await virtual();
      const at = Date.now();
      await network.agents.delete(old?.id ?? '');
      await eventually('another', async () => {
        const now = await virtual();
        return now !== undefined && now.id !== old?.id && now.alive;
      }, { timeoutMs: 60_000 });
      say(`reported again after ${Date.now() - at} ms`);
      unbroken(await since('agent’s row removed'));
    });

    it('neutron-server is restarted: the stream goes on, and what is new then comes', async () => {
      for (const service of ['neutron-rpc', 'neutron-api']) {
        await s.lab.stopService('site1', service, { kill: true });
        await s.lab.startService('site1', service);
      }
      unbroken(await since('neutron-server restarted'));
      await mirrorsNew('c', '10.9.0.142');
    });

    it('RabbitMQ is restarted: the stream goes on, and what is new then comes', async () => {
      await s.lab.stopService('site1', 'rabbitmq', { kill: true });
      await s.lab.startService('site1', 'rabbitmq');
      await mirrorsNew('d', '10.9.0.143');
      unbroken(await since('RabbitMQ restarted'));
    });

    it('the WAN is cut for ten seconds: packets flow again at once', async () => {
      await s.lab.cut('site1', 'site2');
      await delay(10_000);
      const at = Date.now();
      await s.lab.heal();
      await eventually('packets', () => reaches(s.lab, a, b.ip), { timeoutMs: 60_000, everyMs: 100 });
      say(`packets again ${Date.now() - at} ms after the heal`);
      await delay(1_000);
      for (const m of await since('WAN cut for 10 s')) expect(m.longestMs).toBeLessThan(16_000);
    });

    it('Godwit is stopped for over 75 s: the stream goes on; what came and went meanwhile is put in step', async () => {
      await s.stopController();
      const late = await s.plug(ha, 'site2', 'late', { ip: '10.9.0.144' });
      const early = await s.cloud('site2-godwit').then((c) => c.network.ports.list({ name: 'c' }));
      expect(early.length).toBe(1);
      await delay(80_000);
      expect((await (await s.cloud('site1-godwit')).network.agents.list()).filter((x) => x.host.startsWith('godwit-')).map((x) => x.alive)).toEqual([false]);
      // The flood entry of its hypervisor carries a's ARP request there; what the late one begins, the groups of a's site do not let in.
      say(`meanwhile: a to the new port ${(await reaches(s.lab, a, late.ip)) ? 'passes, by flooding' : 'does not pass'}; the new port to a ${(await reaches(s.lab, late, a.ip)) ? 'passes' : 'does not pass'}`);
      unbroken(await since('Godwit stopped for 80 s'));
      const at = Date.now();
      await s.startController();
      await s.mirrored(late);
      await eventually('packets', async () => (await reaches(s.lab, a, late.ip)) && (await reaches(s.lab, late, a.ip)), { timeoutMs: 30_000, everyMs: 100 });
      say(`in step ${Date.now() - at} ms after the start of the controller`);
      unbroken(await since('Godwit is back'));
    });

    /** A port at site2 that is made now is reached from site1. */
    async function mirrorsNew(name: string, ip: string): Promise<void> {
      const at = Date.now();
      const fresh = await s.plug(ha, 'site2', name, { ip });
      await s.mirrored(fresh);
      await eventually('packets', () => reaches(s.lab, a, fresh.ip), { timeoutMs: 60_000, everyMs: 100 });
      say(`a new port is reached ${Date.now() - at} ms after it was asked for`);
    }
  });

  it('nothing differs at the end; unstretched, nothing of it is left', async () => {
    expect(await s.ok('network', 'check', 'net-ha')).toMatchObject({ inStep: true });
    const ports = await s.ok<RemotePortView[]>('remote-port', 'list');
    expect(ports.every((p) => p.status === 'ACTIVE' && p.bound)).toBe(true);
    const gone = await s.ok<{ removed: string[]; left: unknown[] }>('network', 'unstretch', 'net-ha', '--keep');
    expect(gone).toMatchObject({ removed: [], left: [] });
    for (const site of ['site1', 'site2']) {
      const c = await connect(s.lab, `${site}-godwit`);
      expect((await c.network.ports.list({ device_owner: 'godwit:remote' })).length).toBe(0);
      expect((await c.network.agents.list()).filter((x) => x.host.startsWith('godwit-'))).toEqual([]);
      await c.close();
    }
    expect(await reaches(s.lab, a, b.ip)).toBe(false);
  });
});
