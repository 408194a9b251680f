import { orUndefined } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { connect } from '../harness/clouds.ts';
import { guestLogs, writerAt } from '../harness/guest.ts';
import { useReplication } from '../harness/replication.ts';
import { guestReady } from '../harness/vnf.ts';
import { eventually } from '../harness/wait.ts';

interface Point {
  readonly id: string;
  readonly method?: string;
  readonly freezeWindowMs: number;
  readonly groupSnapshotMs: number;
  readonly volumes: readonly { readonly volumeId: string; readonly replica?: { readonly image: string; readonly globalId: string; readonly mode: string } }[];
}

interface Recovered {
  readonly servers: readonly { readonly name: string; readonly id: string }[];
  readonly rpoSeconds: number;
  readonly rtoSeconds: number;
}

/** Method 2 on real sites, in one of its modes: lost and recovered, both sides primary, moved back as planned, there and back again. */
export function replicationStory(mode: 'snapshot' | 'journal'): void {
  describe(`method replication, ${mode} mode`, () => {
    const s = useReplication(mode);

    const writers = (site: string): Promise<number[]> => Promise.all(s.members.map((m) => writerAt(s.lab, site, m.ip)));
    /** Every member boots with unbroken logs that are at least at these numbers. Returns where they are. */
    async function sound(site: string, recovered: Recovered, least: readonly number[]): Promise<void> {
      expect(recovered.servers.map((v) => v.name)).toEqual(s.members.map((m) => m.name));
      for (const [n, m] of s.members.entries()) {
        await guestReady(s.lab, site, recovered.servers[n]?.id ?? '');
        const logs = await guestLogs(s.lab, site, m.ip);
        expect(logs.violations, m.name).toEqual([]);
        expect(logs.n0, m.name).toBeGreaterThanOrEqual(least[n] ?? 0);
      }
    }
    async function dropCopies(site: string): Promise<void> {
      const cloud = await connect(s.lab, `${site}-godwit`);
      try {
        for (const server of (await cloud.compute.servers.list()).filter((v) => v.status === 'SHUTOFF' && s.members.some((m) => m.name === v.name))) {
          const ports = await cloud.network.ports.list({ device_id: server.id });
          if (server.locked) await cloud.compute.servers.unlock(server.id);
          await cloud.compute.servers.delete(server.id);
          await eventually(`server ${server.name} to be gone`, async () => !(await cloud.compute.servers.list()).some((v) => v.id === server.id));
          for (const p of ports) await orUndefined(cloud.network.ports.delete(p.id));
        }
      } finally {
        await cloud.close();
      }
    }
    const say = (what: string, r: Recovered): void => console.log(`${mode}: ${what}: RTO ${r.rtoSeconds.toFixed(1)} s, RPO ${r.rpoSeconds.toFixed(1)} s`);

    let byBackups: Point | undefined;
    let atBackups: number[] = [];
    if (mode === 'snapshot')
      it('is first protected by backups', async () => {
        atBackups = await writers('site1');
        byBackups = await s.ok<Point>('protect', 'vnf');
        expect(byBackups.volumes.every((v) => v.replica === undefined)).toBe(true);
      }, 15 * 60_000);

    it('the method is changed; points are marks in every copy, at one moment; the reference is in the volume’s metadata; every byte is the same at both sites', async () => {
      await s.ok('group', 'set', 'vnf', '--method', 'replication');
      const first = await s.ok<Point>('protect', 'vnf');
      const second = await s.ok<Point>('protect', 'vnf');
      console.log(`${mode}: freeze window ${first.freezeWindowMs} and ${second.freezeWindowMs} ms, of it the marks ${first.groupSnapshotMs} and ${second.groupSnapshotMs} ms`);
      expect(second).toMatchObject({ method: 'replication' });
      expect(second.freezeWindowMs).toBeLessThan(30_000);
      const cloud = await connect(s.lab, 'site1');
      try {
        for (const { volumeId, replica } of second.volumes) {
          expect(replica).toMatchObject({ mode, image: `volume-${volumeId}` });
          expect((await cloud.volume.volumes.get(volumeId)).metadata['godwit_replica']).toContain(replica?.globalId);
        }
      } finally {
        await cloud.close();
      }
      for (const p of [first, second]) expect(await s.ok('recovery-point', 'verify', p.id, '--restore')).toMatchObject({ ok: true, restored: true });
    }, 30 * 60_000);

    let least: number[] = [];
    it('site1 is lost: said first what is lost; only the group’s images are promoted, managed, booted', async () => {
      least = await writers('site1');
      await s.ok('protect', 'vnf');
      await s.lab.killSite('site1');
      expect(JSON.stringify((await s.cli('recover', 'vnf', '--to', 'site2', '--dry-run')).json)).toMatch(/what was written since is lost/);
      const recovered = await s.ok<Recovered>('recover', 'vnf', '--to', 'site2', '--yes');
      say('unplanned', recovered);
      await sound('site2', recovered, least);
    }, 30 * 60_000);

    it('site1 comes back: its members are kept from running, both primary is told, given up only on order and with a copy', async () => {
      await s.revive('site1');
      await eventually('the old copies to be fenced', async () => (await s.ok<{ conditions: { type: string; status: string }[] }>('group', 'show', 'vnf')).conditions.some((c) => c.type === 'SourceFenced' && c.status === 'True'), { timeoutMs: 300_000, everyMs: 2_000 });
      expect(JSON.stringify((await s.cli('protect', 'vnf')).json)).toContain('GW_REPLICATION_SPLIT_BRAIN');
      const { kept } = await s.ok<{ kept: string[] }>('group', 'resync', 'vnf', '--yes');
      expect(kept).toHaveLength(4);
      const there = (await s.lab.exec('site1', ['rbd', 'ls', 'volumes'])).stdout.split('\n');
      for (const name of kept) expect(there).toContain(name);
      const point = await s.ok<Point>('protect', 'vnf');
      expect(await s.ok('recovery-point', 'verify', point.id, '--restore')).toMatchObject({ ok: true, restored: true });
    }, 30 * 60_000);

    it('moved back as planned: no number is lost, and the same servers and volumes are in use as at first', async () => {
      const before = await writers('site2');
      const recovered = await s.ok<Recovered>('recover', 'vnf', '--to', 'site1', '--planned', '--yes');
      say('planned, back', recovered);
      expect(recovered.servers.map((v) => v.id)).toEqual(s.members.map((m) => m.id));
      await sound('site1', recovered, before);
      const cloud = await connect(s.lab, 'site1');
      try {
        for (const m of s.members) expect((await cloud.compute.servers.volumeAttachments(m.id)).map((a) => a.volumeId).sort()).toEqual([m.rootVolume, m.dataVolume].sort());
      } finally {
        await cloud.close();
      }
    }, 30 * 60_000);

    it('there and back again: no number is lost', async () => {
      await s.ok('protect', 'vnf');
      const before = await writers('site1');
      const there = await s.ok<Recovered>('recover', 'vnf', '--to', 'site2', '--planned', '--yes');
      say('planned, there', there);
      await sound('site2', there, before);
      await s.ok('protect', 'vnf');
      const after = await writers('site2');
      const back = await s.ok<Recovered>('recover', 'vnf', '--to', 'site1', '--planned', '--yes');
      say('planned, back again', back);
      await sound('site1', back, after);
    }, 60 * 60_000);

    if (mode === 'snapshot')
      it('then by backups: points of both methods are whole, and recovered from', async () => {
        const replicated = await s.ok<Point>('protect', 'vnf');
        await s.ok('group', 'set', 'vnf', '--method', 'group-snapshot');
        const backed = await s.ok<Point>('protect', 'vnf');
        expect(backed.volumes.every((v) => v.replica === undefined)).toBe(true);
        const first = byBackups?.id ?? '';
        for (const id of [first, replicated.id, backed.id]) expect(await s.ok('recovery-point', 'verify', id)).toMatchObject({ ok: true });
        await s.lab.killSite('site1');
        // What stands there stopped has the members' addresses: their operator makes room.
        await dropCopies('site2');
        const recovered = await s.ok<Recovered>('recover', 'vnf', '--to', 'site2', '--point', first, '--yes');
        say('by backups', recovered);
        await sound('site2', recovered, atBackups);
        await s.revive('site1');
        await s.jobsEnd();
      }, 60 * 60_000);

    it('purged, nothing is mirrored any more', async () => {
      await s.ok('group', 'delete', 'vnf', '--purge', '--yes');
      expect((await s.lab.exec('site1', ['sh', '-c', 'for i in $(rbd ls volumes); do rbd mirror image status "volumes/$i" >/dev/null 2>&1 && echo "$i"; done; true'])).stdout).toBe('');
    }, 60 * 60_000);
  });
}
