import { describe, expect, it } from 'vitest';
import { balanceQuota } from '../src/quotas/apply.ts';
import { quotaPolicySchema, type QuotaPolicyInput } from '../src/quotas/schemas.ts';
import { quotaService } from '../src/quotas/service.ts';
import { emulated, type Emulated } from './emulated.ts';

const admin = { userId: 'a', userName: 'admin', project: { name: 'admin', domain: 'Default' }, admin: true };
const input = (more: Partial<QuotaPolicyInput> = {}): QuotaPolicyInput => ({ name: 'q', project: 'Default/vnf', sites: ['site1', 'site2'], limits: { compute: { cores: 40 } }, ...more });
const policy = quotaPolicySchema.parse(input());

const idAt = async (w: Emulated, site: string): Promise<string> => (await w.cloud(site).session.token()).projectId ?? '';
const cores = async (w: Emulated, site: string): Promise<number | undefined> => (await w.cloud(`${site}-admin`).compute.quota(await idAt(w, site)))['cores']?.limit;
const set = async (w: Emulated, site: string, limit: number): Promise<void> => w.cloud(`${site}-admin`).compute.setQuota(await idAt(w, site), { cores: limit });

describe('one limit over two sites', () => {
  it('a site that is lost is counted at the limit it had, also when that needed no change', async () => {
    const w = await emulated();
    for (const site of ['site1', 'site2']) await set(w, site, 20);
    expect((await balanceQuota(w.deps, 'p1', policy, true)).unreachable).toEqual([]);
    expect([await cores(w, 'site1'), await cores(w, 'site2')]).toEqual([20, 20]);
    w.emulator.inject({ kind: 'site-down', site: 'site2' });
    const report = await balanceQuota(w.deps, 'p1', policy, true);
    expect(report.rows).toMatchObject([{ site: 'site1', limit: 20, balanced: 20 }, { site: 'site2', reachable: false, limit: 20 }]);
    expect(await cores(w, 'site1')).toBe(20);
  }, 20_000);

  it('nothing is raised while a site is away whose limit was never seen, and that is said; it may be lowered', async () => {
    const w = await emulated();
    await set(w, 'site1', 10);
    const down = w.emulator.inject({ kind: 'site-down', site: 'site2' });
    const report = await balanceQuota(w.deps, 'p1', policy, true);
    expect(report.unreachable).toMatchObject([{ site: 'site2', message: expect.stringContaining('its limit of compute.cores is not known') as string }]);
    expect(await cores(w, 'site1')).toBe(10);
    await set(w, 'site1', 50);
    await balanceQuota(w.deps, 'p1', policy, true);
    expect(await cores(w, 'site1')).toBe(40);
    down.lift();
  }, 20_000);

  it('one that could not be lowered keeps the others from being raised', async () => {
    const w = await emulated();
    await set(w, 'site1', 10);
    await set(w, 'site2', 60);
    const refuse = w.emulator.inject({ kind: 'error', site: 'site2', service: 'compute', method: 'PUT', path: '/os-quota-sets/', status: 403, message: 'no' });
    expect((await balanceQuota(w.deps, 'p1', policy, true)).unreachable).toMatchObject([{ site: 'site2' }]);
    expect([await cores(w, 'site1'), await cores(w, 'site2')]).toEqual([10, 60]);
    refuse.lift();
    await balanceQuota(w.deps, 'p1', policy, true);
    expect([await cores(w, 'site1'), await cores(w, 'site2')]).toEqual([20, 20]);
  }, 20_000);
});

describe('quota policies', () => {
  it('an unknown resource, a second policy on the same limit, and a name of several projects are refused', async () => {
    const w = await emulated();
    const { api } = quotaService(w.deps);
    await expect(api.createQuotaPolicy(admin, input({ limits: { compute: { core: 40 } } }))).rejects.toMatchObject({ code: 'GW_QUOTA_RESOURCE', message: expect.stringContaining('cores') as string });
    const { id } = await api.createQuotaPolicy(admin, input());
    await expect(api.createQuotaPolicy(admin, input({ name: 'again' }))).rejects.toMatchObject({ code: 'GW_QUOTA_OVERLAP' });
    await api.createQuotaPolicy(admin, input({ name: 'more', limits: { compute: { instances: 5 } } }));
    const other = await api.createQuotaPolicy(admin, input({ project: 'Default/other' }));
    await expect(api.deleteQuotaPolicy(admin, 'q')).rejects.toMatchObject({ code: 'GW_POLICY_AMBIGUOUS', message: expect.stringContaining(other.id) as string });
    await api.deleteQuotaPolicy(admin, id);
    await api.deleteQuotaPolicy(admin, 'q');
    expect((await api.listQuotaPolicies(admin)).map((p) => p.name)).toEqual(['more']);
  }, 20_000);
});
