import { describe, expect, it } from 'vitest';
import { ask, eventually, login, loginOf, nodeAddress, siteAddress, validate } from '../../src/harness/index.ts';
import { applyHaproxy, useStar } from '../../src/harness/star.ts';

describe('a master site is lost for good', () => {
  const s = useStar();
  const others = ['m2', 's3', 's4'];

  it('the operator says so: the star goes on with m2, its replicas are re-pointed, and rotations go on', async () => {
    const living = s.nodes.filter((n) => n.site.name !== 'm1').map(nodeAddress);
    const everywhere = async (tokens: readonly string[]): Promise<void> => {
      for (const token of tokens) for (const at of living) expect([at.name, await validate(at, token)]).toEqual([at.name, 200]);
    };
    const tokens = await Promise.all(living.map((n) => login(n, loginOf(s.lab, 's3'))));
    const fromM1 = await login(siteAddress(s.lab, 'm1'), loginOf(s.lab, 's3'));
    s.as('m2');
    await s.lab.killSite('m1');
    const lost = Date.now();
    const id = (await s.ok<{ jobId: string }>('identity', 'rotate', '--no-wait')).jobId;
    // What is said while nobody knows yet whether it comes back.
    await eventually('the rotation to wait for m1', async () => /waits for m1-1|GW_ROTATION_HELD/.test(JSON.stringify((await s.cli('job', 'show', id)).json)), { timeoutMs: 120_000, everyMs: 1_000 });
    expect((await s.cli('identity', 'leave', 'm1', '--yes')).stderr).toMatch(/GW_NODE_AWAY/);
    await everywhere([...tokens, fromM1]);

    const left = await s.ok<{ state: string; rotation?: string }>('identity', 'leave', 'm1', '--lost', '--yes');
    console.log(`m1 is out of the star ${((Date.now() - lost) / 1_000).toFixed(1)} s after it was lost`);
    expect(left.state).toBe('left');
    for (const job of [id, left.rotation ?? '']) {
      await eventually(`rotation ${job} to end`, async () => ((await s.cli('job', 'show', job)).json as { state: string }).state === 'succeeded', { timeoutMs: 240_000, everyMs: 1_000 });
    }
    for (const site of others) await applyHaproxy(s.lab, { url: s.controller().url, cloud: 'm2-godwit' }, site);
    const nodes = (await s.status()).sites.filter((x) => others.includes(x.name)).flatMap((x) => x.nodes);
    for (const n of nodes.filter((x) => x.name.startsWith('s'))) expect([n.name, n.database?.source, n.database?.state]).toEqual([n.name, 'm2-1', 'Following']);
    expect((await s.rotate()).nodes).toBe(5);
    await eventually('the star to be well without m1', async () => (await s.status()).ok, { timeoutMs: 120_000, everyMs: 1_000 });

    // A write through every site, and nothing of m1 in the catalogue.
    for (const site of others) {
      const to = siteAddress(s.lab, site);
      const token = await login(to, loginOf(s.lab, 'm2-admin'));
      const made = await ask(to, 'POST', '/v3/projects', { token, body: { project: { name: `after-${site}-${Date.now().toString(36)}`, domain_id: 'default' } } });
      expect([site, made.status]).toEqual([site, 201]);
    }
    const token = await login(siteAddress(s.lab, 's3'), loginOf(s.lab, 'm2-admin'));
    const { endpoints } = JSON.parse((await ask(siteAddress(s.lab, 's3'), 'GET', '/v3/endpoints?region_id=m1', { token })).body) as { endpoints: { enabled: boolean; url: string }[] };
    expect(endpoints.filter((e) => e.enabled && e.url.includes(':5000'))).toEqual([]);
  }, 15 * 60_000);

  it('it comes back after all: it is kept out of service, and joins again by the same command as any site', async () => {
    await s.lab.reviveSite('m1');
    await s.lab.startService('m1', 'agent-1');
    await eventually('m1 to be told that it is out', async () => (await s.node('m1-1')).ready === false, { timeoutMs: 120_000, everyMs: 1_000 });
    await eventually('its database to be a synced member', async () => (await s.node('m1-1')).database?.state === 'Synced', { timeoutMs: 240_000, everyMs: 1_000 });
    const joined = await s.ok<{ state: string; seconds: number }>('identity', 'join', 'm1');
    console.log(`m1 joined again in ${joined.seconds.toFixed(1)} s`);
    expect(joined.state).toBe('member');
    s.as('m1');
    for (const site of ['m1', ...others]) await applyHaproxy(s.lab, { url: s.controller().url, cloud: 'm1-godwit' }, site);
    expect((await s.rotate()).nodes).toBe(6);
    await eventually('the star to be well, each replica with its own source', async () => {
      const status = await s.status();
      return status.ok && status.sites.flatMap((x) => x.nodes).filter((n) => !n.name.startsWith('s5')).every((n) => n.database?.detour === false);
    }, { timeoutMs: 240_000, everyMs: 2_000 });
    const all = s.nodes.map(nodeAddress);
    for (const from of all) {
      const token = await login(from, loginOf(s.lab, 's3'));
      for (const at of all) expect([from.name, at.name, await validate(at, token)]).toEqual([from.name, at.name, 200]);
    }
  }, 15 * 60_000);
});
