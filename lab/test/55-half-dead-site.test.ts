import { describe, expect, it } from 'vitest';
import { connect, eventually, guestReady } from '../src/harness/index.ts';
import { useScenario } from '../src/harness/suite.ts';

/** The APIs of site1 go on while its hypervisor is dead: nobody there can say that the members are stopped. */
describe('promise: never two active copies, when a site is only half dead', () => {
  const s = useScenario({ fresh: true });

  async function hypervisorDies(): Promise<void> {
    for (const service of ['nova-compute', 'libvirtd']) await s.lab.stopService('site1', service, { kill: true });
    const { stdout } = await s.lab.exec('site1', ['pidof', 'qemu-system-x86_64']);
    const guests = stdout.trim().split(/\s+/);
    expect(guests.length).toBe(s.members.length);
    expect((await s.lab.exec('site1', ['kill', '-9', ...guests])).code).toBe(0);
  }

  async function copies(site: string): Promise<(readonly [string, string, unknown])[]> {
    const cloud = await connect(s.lab, site);
    try {
      return (await cloud.compute.servers.list()).map((v) => [v.name, v.status, v['locked']] as const).sort();
    } finally {
      await cloud.close();
    }
  }

  it('nothing is started elsewhere; when somebody vouches that they do not run, it is, and what comes back is stopped and locked', async () => {
    await s.ok('protect', 'vnf');
    await hypervisorDies();

    const refused = await s.cli('recover', 'vnf', '--to', 'site2', '--yes');
    expect(refused.code).toBe(1);
    expect(JSON.stringify(refused.json)).toContain('GW_FENCE_FAILED');
    expect(await copies('site2')).toEqual([]);
    expect(await s.ok('group', 'show', 'vnf')).toMatchObject({ activeSite: 'site1' });

    const recovered = await s.ok<{ servers: { id: string }[] }>('recover', 'vnf', '--to', 'site2', '--source-is-down', '--yes');
    expect(recovered).toMatchObject({ site: 'site2', sourceFenced: false });
    for (const { id } of recovered.servers) await guestReady(s.lab, 'site2', id);

    for (const service of ['libvirtd', 'nova-compute']) await s.lab.startService('site1', service);
    await eventually('the old copies to be stopped and locked', async () => (await copies('site1')).every(([, status, locked]) => status === 'SHUTOFF' && locked === true), { timeoutMs: 300_000, everyMs: 2_000 });
    expect((await copies('site1')).length).toBe(s.members.length);
    expect((await copies('site2')).map(([, status]) => status)).toEqual(s.members.map(() => 'ACTIVE'));
  });
});
