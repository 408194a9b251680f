import { describe, expect, it } from 'vitest';
import { connect, eventually, guestLogs, guestReady, writerAt } from '../src/harness/index.ts';
import { useScenario } from '../src/harness/suite.ts';

interface Point {
  readonly id: string;
  readonly sequence: number;
  readonly manifest: { readonly imageId: string };
}

interface Rebuilt {
  readonly groups: readonly string[];
  readonly points: readonly string[];
  readonly findings: readonly { readonly code: string }[];
}

describe('promise: recovery needs nothing of the lost site', () => {
  const s = useScenario();

  it('site1 dead, Godwit’s database empty, the newest manifest damaged: rebuilt from site2 alone, recovered from the one before, twice the same', async () => {
    const writers = await Promise.all(s.members.map((m) => writerAt(s.lab, 'site1', m.ip)));
    const good = await s.ok<Point>('protect', 'vnf');
    const spoilt = await s.ok<Point>('protect', 'vnf');
    const file = `/var/lib/glance/images/${spoilt.manifest.imageId}`;
    expect((await s.lab.exec('site2', ['sh', '-c', `test -s ${file} && sed -i 's/vnf-db/vnf-xx/' ${file}`])).code).toBe(0);
    const verified = await s.cli('recovery-point', 'verify', spoilt.id);
    expect(JSON.stringify(verified.json)).toContain('GW_MANIFEST_DAMAGED');
    expect(verified.code).not.toBe(0);

    await s.lab.killSite('site1');
    await s.restart({ name: 'alone', port: 8791 });
    expect(await s.ok('group', 'list')).toEqual([]);
    const rebuilt = await s.ok<Rebuilt>('catalog', 'rebuild', '--site', 'site2');
    expect(rebuilt.findings.map((f) => f.code)).toEqual(['GW_MANIFEST_DAMAGED']);
    expect(rebuilt.points).toContain(good.id);
    expect(rebuilt.points).not.toContain(spoilt.id);
    expect((await s.ok<Rebuilt>('catalog', 'rebuild', '--site', 'site2')).points).toEqual(rebuilt.points);

    const recovered = await s.ok<{ point: string; servers: { id: string; name: string }[] }>('recover', 'vnf', '--to', 'site2', '--yes');
    expect(recovered.point).toBe(good.id);
    for (const [n, m] of s.members.entries()) {
      await guestReady(s.lab, 'site2', recovered.servers[n]?.id ?? '');
      const logs = await guestLogs(s.lab, 'site2', m.ip);
      expect(logs.violations).toEqual([]);
      expect(logs.n0).toBeGreaterThanOrEqual(writers[n] ?? 0);
    }
    const again = await s.ok<{ alreadyActive: boolean; servers: { id: string }[] }>('recover', 'vnf', '--to', 'site2', '--yes');
    expect(again.alreadyActive).toBe(true);
    const cloud = await connect(s.lab, 'site2');
    expect((await cloud.compute.servers.list()).map((x) => x.id).sort()).toEqual(recovered.servers.map((x) => x.id).sort());
    await cloud.close();

    // A third empty database, after the failover: it sees where the group runs by the servers' epoch.
    await s.restart({ name: 'alone2', port: 8792 });
    await s.ok('catalog', 'rebuild', '--site', 'site2');
    expect(await s.ok('group', 'show', 'vnf')).toMatchObject({ activeSite: 'site2', epoch: 2 });

    // Nor does it know that site1 is still to be fenced: the rebuild does.
    await s.lab.reviveSite('site1');
    const site1 = await connect(s.lab, 'site1');
    try {
      await eventually('the old copies to be stopped and locked', async () => (await site1.compute.servers.list()).every((v) => v.status === 'SHUTOFF' && v.locked === true), { timeoutMs: 300_000, everyMs: 2_000 });
      expect((await site1.compute.servers.list()).map((v) => v.name).sort()).toEqual(s.members.map((m) => m.name).sort());
    } finally {
      await site1.close();
    }
  });
});
