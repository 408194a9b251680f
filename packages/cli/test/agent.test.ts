import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeAgent } from '../../server/test/fake-agents.ts';
import { type Bench, makeBench } from './harness.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
  const report = { at: '2026-01-02T03:14:00.000Z', agentVersion: '0.1.0', uptimeSeconds: 60, rssBytes: 52_428_800 };
  const database = { role: 'none' as const, problems: [] };
  const reasons = [{ code: 'GW_AGENT_LAG', message: 'the replica is 90 s behind (limit 60 s)' }];
  bench.world.agents.agents.set('k1', fakeAgent('k1', { lastSeen: new Date('2026-01-02T03:14:00.000Z'), skewMs: 4_200, report: { ...report, keystone: { repositories: [], database, diskFreeBytes: 1, ready: { ok: true, reasons: [] } } } }));
  bench.world.agents.agents.set('k2', fakeAgent('k2', { site: 'site2', report: { ...report, keystone: { repositories: [], database, diskFreeBytes: 1, ready: { ok: false, reasons } } } }));
  bench.world.agents.agents.set('k3', fakeAgent('k3', { connected: false, controllers: [] }));
});
afterEach(() => bench.close());

describe('agent', () => {
  it('list says who is connected, who is ready and if not why, and whose clock is off', async () => {
    const { code, out } = await bench.run('agent list', { as: 'admin' });
    expect(code).toBe(0);
    expect(out).toMatch(/k1 +\| site1 +\| keystone \| active \| yes +\| yes +\| 5 s ago +\| \+4.20 s/);
    expect(out).toMatch(/k2 .*NO: GW_AGENT_LAG/);
    expect(out).toMatch(/k3 .*\| NO +\| +\| never/);
    expect((await bench.run('agent list --site site2 -f value -c name', { as: 'admin' })).out).toBe('k2\n');
  });

  it('show has the reasons in words, and the memory', async () => {
    const { out } = await bench.run('agent show k2', { as: 'admin' });
    expect(out).toMatch(/GW_AGENT_LAG +\| the replica is 90 s behind/);
    expect(out).toContain('50.0 MiB');
    expect((await bench.run('agent show nobody', { as: 'admin' })).code).toBe(4);
  });

  it('token create asks for a site that is, and shows the token', async () => {
    expect((await bench.run('agent token create --site site1 --role keystone --name k9 --ttl 60 -f value -c token', { as: 'admin' })).out).toBe('gwa1.secret.ca\n');
    expect(bench.world.agents.asked).toEqual([{ name: 'k9', site: 'site1', role: 'keystone', ttlMs: 60_000, createdBy: 'anna' }]);
    expect((await bench.run('agent token create --site mars --role keystone --name k9', { as: 'admin' })).code).toBe(4);
    expect((await bench.run('agent token create --site site1 --role toaster --name k9', { as: 'admin' })).code).toBe(2);
    expect(bench.world.logged()).not.toContain('gwa1.');
  });

  it('revoke and remove ask first', async () => {
    expect((await bench.run('agent revoke k1', { as: 'admin', answer: false })).code).toBe(1);
    expect(bench.world.agents.agents.get('k1')?.state).toBe('active');
    expect((await bench.run('agent revoke k1 --yes', { as: 'admin' })).out).toContain('revoked');
    expect((await bench.run('agent remove k1', { as: 'admin', answer: true })).code).toBe(0);
    expect(bench.world.agents.agents.has('k1')).toBe(false);
  });

  it('is for administrators only', async () => {
    for (const line of ['agent list', 'agent show k1', 'agent revoke k1', 'agent remove k1', 'agent token create --site site1 --role keystone --name k9']) {
      expect(await bench.run(line, { as: 'member' })).toMatchObject({ code: 3, err: expect.stringContaining('GW_ROLE_REQUIRED') as string });
    }
  });
});
