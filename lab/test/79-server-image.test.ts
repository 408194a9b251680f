import { describe, expect, it } from 'vitest';
import { connect, eventually, freshGroup, guestLogs, guestReady, network, writerAt, type VnfMember } from '../src/harness/index.ts';
import { useScenario } from '../src/harness/suite.ts';

interface Point {
  readonly id: string;
  readonly incremental: boolean;
  readonly method?: string;
  readonly consistency: string;
  readonly freezeWindowMs: number;
  readonly images?: readonly { readonly serverName: string; readonly sizeBytes: number }[];
}

const fw = { name: 'vnf-fw', ip: '192.168.50.13', mac: 'fa:16:3e:50:00:13' };

describe('method server-image', () => {
  const s = useScenario({ fresh: true });

  it('a group changes to it and back: the volumes’ chains go on, points of both are whole', async () => {
    const first = await s.ok<Point>('protect', 'vnf');
    await s.ok('group', 'set', 'vnf', '--method', 'server-image');
    const second = await s.ok<Point>('protect', 'vnf');
    expect(second).toMatchObject({ method: 'server-image', incremental: true, consistency: 'server' });
    // Each guest was frozen by Nova, and no longer than the policy allows.
    expect(second.freezeWindowMs).toBeLessThan(30_000);
    await s.ok('group', 'set', 'vnf', '--method', 'group-snapshot');
    const third = await s.ok<Point>('protect', 'vnf');
    expect(third).toMatchObject({ incremental: true, consistency: 'application' });
    for (const p of [first, second, third]) await s.ok('recovery-point', 'verify', p.id);
    await s.ok('group', 'delete', 'vnf', '--purge', '--yes');
  }, 30 * 60_000);

  it('one member on volumes, one whose root is no volume: site1 is lost, both come back with their data', async () => {
    const local = await bootLocal();
    const db = s.members[0] as VnfMember;
    const members = [db, local];
    await freshGroup(s.lab, s.options(), 'mixed', members);
    const refused = await s.cli('protect', 'mixed', '--dry-run');
    expect(JSON.stringify(refused.json)).toMatch(/GW_MEMBER_EPHEMERAL_ROOT.*--method server-image/);
    await s.ok('group', 'set', 'mixed', '--method', 'server-image');
    expect(JSON.stringify((await s.cli('group', 'set', 'mixed', '--group-consistent')).json)).toContain('GW_METHOD_INCONSISTENT');

    await s.ok('protect', 'mixed');
    const writers = await Promise.all(members.map((m) => writerAt(s.lab, 'site1', m.ip)));
    const point = await s.ok<Point>('protect', 'mixed');
    expect(point).toMatchObject({ method: 'server-image', incremental: true, consistency: 'none', images: [{ serverName: fw.name }] });
    await s.ok('recovery-point', 'verify', point.id, '--restore');
    // Of what the point was made from, nothing is left.
    const here = await connect(s.lab, 'site1-godwit');
    try {
      expect((await here.image.list()).filter((i) => i.name?.startsWith('godwit-') === true && i.name !== 'godwit-guest')).toEqual([]);
      expect(await here.volume.snapshots.list()).toEqual([]);
    } finally {
      await here.close();
    }

    await s.lab.killSite('site1');
    const recovered = await s.ok<{ servers: { id: string; name: string }[] }>('recover', 'mixed', '--to', 'site2', '--yes');
    expect(recovered.servers.map((v) => v.name)).toEqual([db.name, fw.name]);
    for (const { id } of recovered.servers) await guestReady(s.lab, 'site2', id);
    const logs = await guestLogs(s.lab, 'site2', db.ip);
    expect(logs.violations).toEqual([]);
    expect(logs.n0).toBeGreaterThanOrEqual(writers[0] ?? 0);
    expect(await writerAt(s.lab, 'site2', fw.ip)).toBeGreaterThanOrEqual(writers[1] ?? 0);
    await s.lab.reviveSite('site1');
  }, 60 * 60_000);

  /** As a tenant does who has no volumes. */
  async function bootLocal(): Promise<VnfMember> {
    const cloud = await connect(s.lab, 'site1');
    try {
      const image = (await cloud.image.list({ name: 'godwit-guest' }))[0]?.id ?? '';
      const flavorRef = (await cloud.compute.flavors.list()).find((f) => f.name === 'vnf.local')?.id ?? '';
      const net = (await cloud.network.networks.list({ name: network }))[0]?.id ?? '';
      const port = await cloud.network.ports.create({ network_id: net, name: `${fw.name}-port`, mac_address: fw.mac, fixed_ips: [{ ip_address: fw.ip }] });
      const { id } = await cloud.compute.servers.create({ server: { name: fw.name, flavorRef, imageRef: image, config_drive: true, networks: [{ port: port.id }] } });
      await eventually(`server ${fw.name} to be ACTIVE`, async () => (await cloud.compute.servers.get(id)).status === 'ACTIVE');
      await guestReady(s.lab, 'site1', id);
      return { ...fw, id, rootVolume: '', dataVolume: '' };
    } finally {
      await cloud.close();
    }
  }
});
