import { describe, expect, it } from 'vitest';
import { manySites, seedServers, siteName } from '../src/index.ts';
import { cloud, emulate } from './harness.ts';

describe('many sites', () => {
  it('are alike; seeded servers are as those that were made: volumes in use, ports bound, addresses that no two sites share', async () => {
    const emulator = await emulate({ topology: manySites(30), writerMs: 0 });
    const ids = [siteName(1), siteName(30)].map((name) => seedServers(emulator.site(name), 3));
    const addresses: string[] = [];
    for (const [i, name] of [siteName(1), siteName(30)].entries()) {
      const tenant = cloud(emulator, name);
      const servers = await tenant.compute.servers.list();
      expect(servers.map((s) => s.id).sort()).toEqual([...(ids[i] ?? [])].sort());
      expect(servers.map((s) => [s.name, s.status]).sort()).toEqual([['web-0000', 'ACTIVE'], ['web-0001', 'ACTIVE'], ['web-0002', 'ACTIVE']]);
      addresses.push(...servers.flatMap((s) => s.addresses['vnf-net']?.map((a) => a.addr) ?? []));
      expect((await tenant.volume.volumes.list()).map((v) => v.status)).toEqual(['in-use', 'in-use', 'in-use']);
      // They are real to Nova: one can be deleted, and leaves its volume free.
      await tenant.compute.servers.delete(servers[0]?.id ?? '');
      await expect.poll(async () => (await tenant.volume.volumes.list({ status: 'available' })).length, { interval: 5 }).toBe(1);
    }
    expect(new Set(addresses).size).toBe(6);
  });
});
