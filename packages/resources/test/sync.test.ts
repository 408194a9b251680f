import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driverOf, drivers } from '../src/sync/drivers.ts';
import { makePlan, scopeOf, type ActivePolicy } from '../src/sync/plan.ts';
import { checkReadiness } from '../src/readiness/check.ts';
import { readinessRequestSchema } from '../src/readiness/schemas.ts';
import { RevisionReader } from '../src/sync/revision-reader.ts';
import { syncPolicySchema, type SyncPolicyInput } from '../src/sync/schemas.ts';
import { emulated, project, type Emulated } from './emulated.ts';

const policyOf = (more: Partial<SyncPolicyInput>): ActivePolicy => ({
  id: 'p1', projects: [project], users: [{ name: 'tenant', domain: 'Default' }],
  policy: syncPolicySchema.parse({ name: 'p', kinds: ['address-groups', 'security-groups'], sites: ['site1', 'site2'], source: 'site1', ...more }),
});

async function apply(w: Emulated, active: ActivePolicy): Promise<string[]> {
  const { actions } = await makePlan(w.deps, active);
  const errors: string[] = [];
  for (const { kind } of drivers) {
    const some = actions.filter((a) => a.kind === kind && a.site === 'site2');
    if (some.length > 0) await driverOf(kind).apply(scopeOf(w.deps, active, 'site2'), some, (_a, error) => void (error === undefined || errors.push(String(error))));
  }
  const after = await makePlan(w.deps, active);
  await w.deps.store.setBaseline(active.id, after.agreed, after.gone);
  return [...errors, ...after.actions.map((a) => `${a.action} ${a.key}`)];
}

const names = ['one', 'two', 'three'] as const;
const rule = fc.record({ direction: fc.constantFrom('ingress', 'egress'), protocol: fc.constantFrom('tcp', 'udp'), port: fc.integer({ min: 1, max: 5 }), remote: fc.constantFrom(undefined, ...names, '10.0.0.0/8'), description: fc.constantFrom('', 'why') });
const groups = fc.dictionary(fc.constantFrom(...names), fc.record({ description: fc.constantFrom('', 'd'), tags: fc.subarray(['t1', 't2']), rules: fc.array(rule, { maxLength: 4 }) }), { minKeys: 1 });

/** Makes the project's groups at a site what a person says, rule by rule. */
async function put(w: Emulated, site: string, wanted: Awaited<ReturnType<typeof fc.sample<Record<string, { description: string; tags: string[]; rules: { direction: string; protocol: string; port: number; remote: string | undefined; description: string }[] }>>>>[number]): Promise<void> {
  const { network } = w.cloud(site);
  const there = async () => (await network.securityGroups.list()).filter((g) => g.name !== 'default');
  for (const g of await there()) for (const r of g.security_group_rules) await network.securityGroupRules.delete(r.id);
  for (const g of await there()) await network.securityGroups.delete(g.id);
  for (const [name, g] of Object.entries(wanted)) {
    const made = await network.securityGroups.create({ name, description: g.description });
    await network.securityGroups.setTags(made.id, g.tags);
  }
  const made = await there();
  const seen = new Set<string>();
  for (const [name, g] of Object.entries(wanted)) {
    for (const r of g.rules) {
      const other = made.find((m) => m.name === r.remote);
      if (r.remote !== undefined && !other && !r.remote.includes('/')) continue;
      const text = JSON.stringify([name, r.direction, r.protocol, r.port, r.remote]);
      if (seen.has(text)) continue;
      seen.add(text);
      await network.securityGroupRules.create({
        security_group_id: made.find((m) => m.name === name)?.id, direction: r.direction, ethertype: 'IPv4', protocol: r.protocol, port_range_min: r.port, port_range_max: r.port, description: r.description,
        ...(other ? { remote_group_id: other.id } : r.remote === undefined ? {} : { remote_ip_prefix: r.remote }),
      });
    }
  }
}

describe('what is alike at all sites', () => {
  it('whatever the two have, after one sync nothing differs; rules name the site’s own groups', async () => {
    const w = await emulated();
    const active = policyOf({ names: [...names], delete: true });
    await fc.assert(fc.asyncProperty(groups, groups, async (a, b) => {
      await put(w, 'site1', a as never);
      await put(w, 'site2', b as never);
      w.deps.store.baselines.clear();
      expect(await apply(w, active)).toEqual([]);
    }), { numRuns: 8 });
  }, 30_000);

  it('an audit that reads only revisions finds what one that reads everything finds', async () => {
    const w = await emulated();
    await put(w, 'site1', { one: { description: '', tags: [], rules: [{ direction: 'ingress', protocol: 'tcp', port: 1, remote: 'two', description: '' }] }, two: { description: '', tags: [], rules: [] } });
    const active = policyOf({ names: [...names] });
    const reader = new RevisionReader();
    const look = async (): Promise<[string[], string[]]> => {
      reader.begin();
      const [quick, full] = [await makePlan(w.deps, active, reader), await makePlan(w.deps, active)];
      const text = (p: typeof quick): string[] => p.actions.map((a) => `${a.action} ${a.key} at ${a.site}`).sort();
      return [text(quick), text(full)];
    };
    const steps: (() => Promise<unknown>)[] = [
      () => apply(w, active),
      async () => {
        const [group] = await w.cloud('site2').network.securityGroups.list({ name: 'one' });
        await w.cloud('site2').network.securityGroupRules.delete(group?.security_group_rules.find((r) => r.remote_group_id)?.id ?? '');
      },
      async () => w.cloud('site2').network.securityGroups.setTags((await w.cloud('site2').network.securityGroups.list({ name: 'two' }))[0]?.id ?? '', ['changed']),
      () => apply(w, active),
      async () => w.cloud('site1').network.securityGroups.update((await w.cloud('site1').network.securityGroups.list({ name: 'two' }))[0]?.id ?? '', { name: 'three' }),
      () => apply(w, active),
      async () => w.cloud('site2').network.securityGroups.create({ name: 'two' }),
    ];
    let [quick, full] = await look();
    expect(quick).toEqual(full);
    expect(full).toHaveLength(2);
    for (const step of steps) {
      await step();
      [quick, full] = await look();
      expect(quick).toEqual(full);
    }
  }, 20_000);

  it('by agreement: whoever has changed something is followed; when two did, nothing is decided', async () => {
    const w = await emulated();
    const active = policyOf({ names: [...names], source: 'agreement', delete: true });
    const [site1, site2] = [w.cloud('site1').network.securityGroups, w.cloud('site2').network.securityGroups];
    const group = async (groups: typeof site1, name: string) => (await groups.list({ name }))[0];
    const audit = async () => {
      const plan = await makePlan(w.deps, active);
      return [plan.actions.map((a) => `${a.action} ${a.key.split(' ')[2] ?? ''} at ${a.site}`), plan.report.conflicts.map((c) => c.code)];
    };
    for (const name of ['one', 'two']) for (const groups of [site1, site2]) await groups.create({ name });
    expect(await apply(w, active)).toEqual([]);
    await site2.update((await group(site2, 'one'))?.id ?? '', { description: 'newer' });
    expect(await audit()).toEqual([['update one at site1'], []]);
    await site1.update((await group(site1, 'one'))?.id ?? '', { description: 'mine' });
    expect(await audit()).toEqual([[], ['GW_SYNC_CONFLICT']]);
    await site1.delete((await group(site1, 'two'))?.id ?? '');
    expect(await audit()).toEqual([['delete two at site2'], ['GW_SYNC_CONFLICT']]);
  }, 20_000);

  it('what godwit.yaml maps is left alone, and rules name what takes its place', async () => {
    const w = await emulated({ mappings: [{ from: 'site1', to: 'site2', securityGroups: { one: 'uno' }, flavors: { 'vnf.small': 'vnf.local' } }] });
    const open = { description: '', tags: [], rules: [] };
    await put(w, 'site1', { one: open, two: { description: '', tags: [], rules: [{ direction: 'ingress', protocol: 'tcp', port: 1, remote: 'one', description: '' }] } });
    const uno = await w.cloud('site2').network.securityGroups.create({ name: 'uno', description: 'ours' });
    const active = policyOf({ kinds: ['security-groups', 'flavors'], names: ['one', 'two', 'uno', 'vnf.*'], delete: true });
    expect(await apply(w, active)).toEqual([]);
    const there = (await w.cloud('site2').network.securityGroups.list()).filter((g) => g.name !== 'default');
    expect(there.map((g) => g.name).sort()).toEqual(['two', 'uno']);
    expect(there.find((g) => g.name === 'uno')?.description).toBe('ours');
    expect(there.find((g) => g.name === 'two')?.security_group_rules.map((r) => r.remote_group_id).filter(Boolean)).toEqual([uno.id]);
    const needs = (more: object) => checkReadiness(w.deps, project, undefined, readinessRequestSchema.parse({ at: 'site2', from: 'site1', ...more }));
    expect((await needs({ securityGroups: ['one', 'two'], flavors: ['vnf.small'] })).missing).toEqual([]);
    await w.cloud('site2').network.securityGroups.delete(there.find((g) => g.name === 'two')?.id ?? '');
    await w.cloud('site2').network.securityGroups.delete(uno.id);
    expect((await needs({ securityGroups: ['one', 'two'] })).missing).toMatchObject([{ name: 'one', repairable: false, reason: expect.stringContaining('uno') as string }, { name: 'two', repairable: true }]);
  }, 20_000);

  it('a site that cannot be asked is left out and named; when it is the source, nothing is changed', async () => {
    const w = await emulated();
    const down = w.emulator.inject({ kind: 'site-down', site: 'site2' });
    expect((await makePlan(w.deps, policyOf({}))).report.unreachable).toMatchObject([{ site: 'site2', code: 'GW_SITE_UNREACHABLE' }]);
    await expect(makePlan(w.deps, policyOf({ source: 'site2' }))).rejects.toMatchObject({ code: 'GW_SYNC_SOURCE_AWAY', kind: 'retryable' });
    down.lift();
  }, 20_000);
});
