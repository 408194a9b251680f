import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '@godwit/openstack';
import { connect, deleteBackups, eventually } from '../src/harness/index.ts';
import { useScenario } from '../src/harness/suite.ts';

interface Point {
  readonly id: string;
  readonly state: string;
  readonly incremental: boolean;
  readonly volumes: readonly { readonly backupId: string }[];
}

const zone = 'swift';
/** In the order in which they can be started: site1's cinder-backup writes to site2's Swift. */
const services = [['site2', 'swift-proxy'], ['site2', 'cinder-backup-swift'], ['site1', 'cinder-backup-swift']] as const;
const storage = ['swift-object', 'swift-container', 'swift-account'];
const inSwift = (b: Backup): boolean => b.availability_zone === zone;

describe('backups in the Swift of the recovery site', () => {
  const s = useScenario({ group: ['--backup-zone', zone] });
  let before: string[] = [];

  beforeAll(async () => {
    for (const [site, service] of services) await s.lab.startService(site, service);
    before = await objects();
  }, 15 * 60_000);

  afterAll(async () => {
    for (const site of ['site1', 'site2']) {
      const cloud = await connect(s.lab, `${site}-godwit`);
      try {
        // With no daemon in their zone they could not be deleted any more, and their volumes neither.
        await deleteBackups(cloud, inSwift);
      } finally {
        await cloud.close();
      }
    }
    for (const [site, service] of services.toReversed()) await s.lab.stopService(site, service);
    for (const service of storage) await s.lab.stopService('site2', service);
    // Until then Cinder would still hand imports to a daemon that is not there.
    for (const site of ['site1', 'site2']) {
      const cloud = await connect(s.lab, `${site}-godwit`);
      try {
        await eventually(`cinder-backup ${site}-swift to be listed as down`, async () =>
          (await cloud.volume.services.list({ binary: 'cinder-backup' })).some((row) => row.host === `${site}-swift` && row.state === 'down'));
      } finally {
        await cloud.close();
      }
    }
  }, 15 * 60_000);

  /** Names of the objects that lie in Swift for backups. */
  async function objects(): Promise<string[]> {
    const cloud = await connect(s.lab, 'site2-godwit', 'service');
    try {
      const containers = await cloud.objectStore.containers.list();
      const lists = await Promise.all(containers.map((c) => cloud.objectStore.objects.list(c.name)));
      return lists.flat().flatMap((o) => o.name ?? []);
    } finally {
      await cloud.close();
    }
  }

  async function posixFiles(): Promise<string[]> {
    const { code, stdout, stderr } = await s.lab.exec('site2', ['find', '/var/lib/cinder/backups', '-type', 'f']);
    expect([code, stderr]).toEqual([0, '']);
    return stdout.split('\n').sort();
  }

  async function backupsOf(site: string, point: Point): Promise<Backup[]> {
    const cloud = await connect(s.lab, `${site}-godwit`);
    try {
      return await Promise.all(point.volumes.map((v) => cloud.volume.backups.get(v.backupId)));
    } finally {
      await cloud.close();
    }
  }

  it('full, then incremental; restored at the recovery site; nothing of it in the shared directory', async () => {
    const files = await posixFiles();
    const full = await s.ok<Point>('protect', 'vnf');
    const afterFull = await objects();
    const increment = await s.ok<Point>('protect', 'vnf');
    const afterIncrement = await objects();

    expect([full.state, full.incremental]).toEqual(['Available', false]);
    expect([increment.state, increment.incremental]).toEqual(['Available', true]);
    expect(increment.volumes.length).toBe(4);
    for (const [point, names] of [[full, afterFull], [increment, afterIncrement]] as const) {
      for (const site of ['site1', 'site2']) {
        for (const backup of await backupsOf(site, point)) {
          expect([site, backup.availability_zone, backup.is_incremental, backup.status]).toEqual([site, zone, point.incremental, 'available']);
          expect(names.filter((name) => name.includes(backup.id)).length, `objects of backup ${backup.id}`).toBeGreaterThan(0);
        }
      }
    }

    expect(await s.ok('recovery-point', 'verify', increment.id, '--restore')).toMatchObject({ ok: true, restored: true });
    expect(await posixFiles()).toEqual(files);
    console.log(`objects in Swift: ${afterFull.length - before.length} after the full, ${afterIncrement.length - before.length} after the incremental`);
  });

  it('a purge leaves no object', async () => {
    await s.ok('group', 'delete', 'vnf', '--purge', '--yes');
    expect(await objects()).toEqual(before);
  });
});
