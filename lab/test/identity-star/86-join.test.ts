import { describe, expect, it } from 'vitest';
import { ask, eventually, login, loginOf, nodeAddress, nodesOf, siteAddress, validate } from '../../src/harness/index.ts';
import { applyHaproxy, useStar } from '../../src/harness/star.ts';

describe('a site joins the star by one command, and leaves as cleanly', () => {
  const s = useStar();

  it('s5: replicas seeded, keys delivered, tokens good in both directions before its endpoints are announced', async () => {
    const before = (await s.status()).sites.find((x) => x.name === 's5')?.state;
    if (before === 'member') await s.ok('identity', 'leave', 's5', '--yes');
    await applyHaproxy(s.lab, { url: s.controller().url, cloud: 'm1-godwit' }, 's5');
    const joined = await s.ok<{ state: string; seeded: string[]; seconds: number }>('identity', 'join', 's5');
    console.log(`s5 joined in ${joined.seconds.toFixed(1)} s; seeded: ${joined.seeded.join(', ')}`);
    expect(joined).toMatchObject({ state: 'member', seeded: ['s5-1', 's5-2'] });
    const all = nodesOf(s.lab, { joining: true }).map(nodeAddress);
    for (const from of all) {
      const token = await login(from, loginOf(s.lab, 's3'));
      for (const at of all) expect([from.name, at.name, await validate(at, token)]).toEqual([from.name, at.name, 200]);
    }
    const token = await login(siteAddress(s.lab, 's5'), loginOf(s.lab, 's5-admin'));
    const catalog = JSON.parse((await ask(siteAddress(s.lab, 's3'), 'GET', '/v3/auth/catalog', { token })).body) as { catalog: { type: string; endpoints: { region: string }[] }[] };
    expect(catalog.catalog.find((c) => c.type === 'identity')?.endpoints.map((e) => e.region)).toContain('s5');
    // A rotation counts it in.
    expect(await s.ok('identity', 'rotate')).toMatchObject({ nodes: 8 });
  }, 10 * 60_000);

  it('leaves: its Keystones serve nobody, nothing of it is in the catalogue, and the others go on', async () => {
    await s.ok('identity', 'leave', 's5', '--yes');
    const token = await login(siteAddress(s.lab, 'm1'), loginOf(s.lab, 'm1-admin'));
    const { endpoints } = JSON.parse((await ask(siteAddress(s.lab, 'm1'), 'GET', '/v3/endpoints?region_id=s5', { token })).body) as { endpoints: { enabled: boolean }[] };
    expect(endpoints.filter((e) => e.enabled)).toEqual([]);
    // HAProxy there sees within seconds that its own Keystones are out, and goes to the masters; until then they refuse what the star signs.
    await eventually('s5’s own Keystones to serve nobody', async () => {
      const status = await ask(siteAddress(s.lab, 's5'), 'GET', '/v3/auth/tokens', { token, subject: token }).then((a) => a.status, () => 503);
      return status === 200 || status === 503;
    }, { timeoutMs: 60_000 });
    for (const node of (await s.status()).sites.find((x) => x.name === 's5')?.nodes ?? []) expect([node.name, node.ready]).toEqual([node.name, false]);
  }, 10 * 60_000);
});
