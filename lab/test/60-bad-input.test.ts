import { afterAll, describe, expect, it } from 'vitest';
import { agent, connect, eventually, godwit } from '../src/harness/index.ts';
import { useScenario } from '../src/harness/suite.ts';

/** Each of these is one coded error that says what, where and what to do; the exit code is not 0; nothing is changed. */
describe('bad input', () => {
  const s = useScenario();
  const undo: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  }, 300_000);

  const admin = (site: string, ...args: string[]) => s.lab.exec(site, ['openstack', '--os-cloud', `${site}-admin`, ...args]);

  function expectError(result: { code: number; json: unknown }, code: string, exit?: number): void {
    expect(JSON.stringify(result.json)).toContain(code);
    expect(result.code).not.toBe(0);
    if (exit !== undefined) expect(result.code).toBe(exit);
    const error = result.json as { message?: string; findings?: { message: string; action?: string }[]; details?: { findings?: { message: string; action?: string }[] } };
    const found = error.details?.findings ?? error.findings;
    expect(found ? found.every((f) => f.message.length > 10) : (error.message ?? '').length > 10).toBe(true);
  }

  /** An instance booted from an image, its root on the hypervisor's disk. */
  async function bootFromImage(cloudName: string, name: string): Promise<string> {
    const cloud = await connect(s.lab, cloudName);
    const [image] = await cloud.image.list({ name: 'godwit-guest' });
    const flavor = (await cloud.compute.flavors.list()).find((f) => f.name === 'vnf.local');
    const { id } = await cloud.compute.servers.create({ server: { name, flavorRef: flavor?.id ?? '', imageRef: image?.id ?? '', networks: 'none', config_drive: true } });
    undo.push(async () => {
      await cloud.compute.servers.delete(id);
      await cloud.close();
    });
    await eventually(`${name} to be ACTIVE`, async () => (await cloud.compute.servers.get(id)).status === 'ACTIVE');
    return id;
  }

  it('unknown site, no members, a VM twice, a VM that is not there, the same site twice', async () => {
    expectError(await s.cli('group', 'create', 'x', '--site', 'nowhere', '--recovery-site', 'site2', '--member', 'vnf-db'), 'GW_SITE_UNKNOWN');
    expectError(await s.cli('group', 'create', 'x', '--site', 'site1', '--recovery-site', 'site1', '--member', 'vnf-db'), 'GW_SAME_SITE');
    expectError(await s.cli('group', 'create', 'x', '--site', 'site1', '--recovery-site', 'site2', '--member', 'vnf-db', '--member', 'vnf-db'), 'GW_MEMBER_TWICE');
    expectError(await s.cli('group', 'create', 'x', '--site', 'site1', '--recovery-site', 'site2', '--member', 'ghost'), 'GW_MEMBER_UNKNOWN');
    expectError(await s.cli('group', 'create', 'vnf', '--site', 'site1', '--recovery-site', 'site2', '--member', 'vnf-db'), 'GW_GROUP_EXISTS');
    expect((await s.cli('group', 'create', 'x', '--site', 'site1', '--recovery-site', 'site2')).code).toBe(2);
    expectError(await s.cli('recover', 'vnf', '--to', 'nowhere', '--yes'), 'GW_SITE_UNKNOWN');
    expect((await s.ok<{ name: string }[]>('group', 'list')).map((g) => g.name)).toEqual(['vnf']);
  });

  it('unreachable Keystone, wrong password, foreign and missing tokens', async () => {
    const options = s.options();
    const auth = { OS_CLOUD: '', OS_USERNAME: 'tenant', OS_PROJECT_NAME: 'vnf', OS_USER_DOMAIN_NAME: 'Default', OS_PROJECT_DOMAIN_NAME: 'Default' };
    expectError(await godwit(s.lab, { ...options, env: { ...auth, OS_AUTH_URL: 'http://10.20.9.9:5000/v3', OS_PASSWORD: 'x' } }, 'group', 'list'), 'GW_KEYSTONE_UNREACHABLE', 3);
    expectError(await godwit(s.lab, { ...options, env: { ...auth, OS_AUTH_URL: 'http://10.20.2.10:5000/v3', OS_PASSWORD: 'wrong' } }, 'group', 'list'), 'GW_CREDENTIALS_REFUSED', 3);
    for (const [headers, code] of [[{ 'x-auth-token': 'gAAAAA-not-one-of-ours' }, 'GW_TOKEN_INVALID'], [{}, 'GW_TOKEN_MISSING']] as const) {
      const answer = await fetch(`${options.url}/v1/groups`, { headers });
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([401, code]);
    }
  });

  it('another project sees nothing, and its VMs are nobody else’s members', async () => {
    const stranger = { ...s.options(), cloud: 'site2-stranger' };
    expect((await godwit(s.lab, stranger, 'group', 'list')).json).toEqual([]);
    expectError(await godwit(s.lab, stranger, 'group', 'show', 'vnf'), 'GW_GROUP_UNKNOWN', 4);
    expectError(await godwit(s.lab, stranger, 'protect', 'vnf'), 'GW_GROUP_UNKNOWN', 4);
    expectError(await godwit(s.lab, stranger, 'group', 'create', 'x', '--site', 'site1', '--recovery-site', 'site2', '--member', s.members[0]?.id ?? ''), 'GW_PROJECT_NOT_SERVED');
    const theirs = await bootFromImage('site1-stranger', 'theirs');
    expectError(await s.cli('group', 'create', 'x', '--site', 'site1', '--recovery-site', 'site2', '--member', theirs), 'GW_MEMBER_UNKNOWN');
    const auditor = { ...s.options(), cloud: 'site2-auditor' };
    expect(((await godwit(s.lab, auditor, 'group', 'list')).json as unknown[]).length).toBe(1);
    expectError(await godwit(s.lab, auditor, 'protect', 'vnf'), 'GW_ROLE_REQUIRED', 3);
  });

  it('an ephemeral root, no agent, a full quota, no host at the recovery site: all listed at once, nobody is frozen', async () => {
    await bootFromImage('site1', 'local-root');
    await s.ok('group', 'create', 'bad', '--site', 'site1', '--recovery-site', 'site2', '--member', 'local-root', '--member', 'vnf-app');
    const ip = s.members[1]?.ip ?? '';
    await agent(s.lab, 'site1', ip, 'kill');
    undo.push(() => agent(s.lab, 'site1', ip, 'start'));
    expect((await admin('site1', 'quota', 'set', '--backups', '1', 'vnf')).code).toBe(0);
    undo.push(() => admin('site1', 'quota', 'set', '--backups', '160', 'vnf'));
    expect((await admin('site2', 'compute', 'service', 'set', '--disable', 'site2-c1', 'nova-compute')).code).toBe(0);
    undo.push(() => admin('site2', 'compute', 'service', 'set', '--enable', 'site2-c1', 'nova-compute'));
    const refused = await s.cli('protect', 'bad');
    for (const code of ['GW_MEMBER_EPHEMERAL_ROOT', 'GW_AGENT_SILENT', 'GW_QUOTA', 'GW_NO_HOST']) expectError(refused, code, 5);
    const dry = await s.cli('protect', 'bad', '--dry-run');
    expectError(dry, 'GW_MEMBER_EPHEMERAL_ROOT', 5);
    expect(await s.ok('recovery-point', 'list', 'bad')).toEqual([]);
    await s.ok('group', 'delete', 'bad', '--yes');
  });

  it('a missing link of a chain: the point cannot be recovered, is told so, and the next begins a new chain', async () => {
    for (const step of undo.splice(0).reverse()) await step();
    await eventually('the agent to be back', async () => (await s.cli('protect', 'vnf', '--dry-run')).code === 0, { timeoutMs: 120_000, everyMs: 5_000 });
    const point = await s.ok<{ id: string; volumes: { backupId: string; chain: string[] }[] }>('protect', 'vnf');
    const victim = point.volumes[0]?.backupId ?? '';
    const cloud = await connect(s.lab, 'site2-godwit');
    await cloud.volume.backups.delete(victim);
    await eventually('the backup to be gone', async () => (await cloud.volume.backups.list()).every((b) => b.id !== victim));
    await cloud.close();
    expectError(await s.cli('recover', 'vnf', '--to', 'site2', '--point', point.id, '--dry-run'), 'GW_CHAIN_BROKEN', 5);
    expectError(await s.cli('recover', 'vnf', '--to', 'site2', '--point', point.id, '--yes'), 'GW_CHAIN_BROKEN', 5);
    expect(await s.ok('group', 'show', 'vnf')).toMatchObject({ activeSite: 'site1', epoch: 1 });
    const next = await s.ok<{ volumes: { chain: string[] }[] }>('protect', 'vnf');
    expect(next.volumes.every((v) => v.chain.length === 1)).toBe(true);
  });
});
