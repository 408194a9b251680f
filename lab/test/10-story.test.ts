import { describe, expect, it } from 'vitest';
import { playStory } from '../src/demo/story.ts';
import { openLab } from '../src/index.ts';
import { storyText } from '../src/demo/report.ts';
import { connect, eventually, godwitOk } from '../src/harness/index.ts';

describe('a VNF whose site is lost comes back at the other', () => {
  it('with its data, order, names, MACs and IPs; recovering twice changes nothing; the lost site is fenced when it returns', async () => {
    const lab = openLab();
    await lab.heal();
    for (const site of (await lab.status()).sites) if (!site.alive) await lab.reviveSite(site.site);
    const report = await playStory(lab, {
      say: (text) => console.log(text),
      afterRecovery: async (cli) => {
        const again = await godwitOk<{ alreadyActive: boolean; servers: { id: string }[] }>(lab, cli, 'recover', 'vnf', '--to', 'site2', '--yes');
        expect(again.alreadyActive).toBe(true);
        const cloud = await connect(lab, 'site2');
        const servers = await cloud.compute.servers.list();
        expect(servers.map((x) => x.name).sort()).toEqual(['vnf-app', 'vnf-db']);
        expect(again.servers.map((x) => x.id).sort()).toEqual(servers.map((x) => x.id).sort());
        expect((await cloud.volume.volumes.list()).length).toBe(4);
        await cloud.close();

        await lab.reviveSite('site1');
        await eventually('the returned site to be fenced', async () => {
          const group = await godwitOk<{ conditions: { type: string; status: string }[] }>(lab, cli, 'group', 'show', 'vnf');
          return group.conditions.some((c) => c.type === 'SourceFenced' && c.status === 'True');
        });
        const old = await connect(lab, 'site1-godwit');
        for (const server of await old.compute.servers.list()) expect([server.name, server.status, server.locked]).toEqual([server.name, 'SHUTOFF', true]);
        await old.close();
      },
    });
    console.log(storyText(report));
    expect(report.members.map((m) => [m.name, m.ok, m.logs.violations])).toEqual([['vnf-db', true, []], ['vnf-app', true, []]]);
    expect(report.points.map((p) => p.incremental)).toEqual([false, true]);
    expect(report.points[1]?.bytesBackedUp).toBeLessThan(report.points[0]?.bytesBackedUp ?? 0);
    expect(report).toMatchObject({ ok: true, bootedInOrder: true, sourceFenced: false });
  });
});
