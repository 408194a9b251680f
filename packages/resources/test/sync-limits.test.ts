import { describe, expect, it } from 'vitest';
import { importImage, importTimeMs } from '../src/images/import.ts';
import { findImage, readRecord } from '../src/images/find.ts';
import { workingImage } from '../src/images/working.ts';
import { checkReadiness, narrowed, needsAsPolicies } from '../src/readiness/check.ts';
import { readinessRequestSchema } from '../src/readiness/schemas.ts';
import { driverOf } from '../src/sync/drivers.ts';
import { makePlan, scopeOf, type ActivePolicy } from '../src/sync/plan.ts';
import { RevisionReader } from '../src/sync/revision-reader.ts';
import { syncPolicySchema, type SyncPolicyInput } from '../src/sync/schemas.ts';
import type { Action } from '../src/sync/types.ts';
import { syncService } from '../src/sync/service.ts';
import { inOrder } from '../src/sync/workflow.ts';
import { emulated, project, stepContext, type Emulated } from './emulated.ts';
import { FakeEngine } from './fake-engine.ts';

const policyOf = (more: Partial<SyncPolicyInput>, of: Partial<ActivePolicy> = {}): ActivePolicy => ({
  id: 'p1', projects: [project], users: [{ name: 'tenant', domain: 'Default' }], ...of,
  policy: syncPolicySchema.parse({ name: 'p', kinds: ['security-groups'], sites: ['site1', 'site2'], source: 'site1', ...more }),
});
const texts = (actions: readonly Pick<Action, 'action' | 'key' | 'site'>[]): string[] => actions.map((a) => `${a.action} ${a.key} at ${a.site}`).sort();

async function apply(w: Emulated, active: ActivePolicy): Promise<void> {
  const { actions } = await makePlan(w.deps, active);
  for (const { kind, some } of inOrder(actions.filter((a) => a.site === 'site2'))) {
    await driverOf(kind).apply(scopeOf(w.deps, active, 'site2'), some, (a, error) => { if (error !== undefined) throw new Error(`${a.key}: ${String(error)}`); });
  }
}

/** A group that lets another in by one rule. */
async function twoGroups(w: Emulated, site: string, names: readonly [string, string] = ['one', 'two']): Promise<[string, string]> {
  const { network } = w.cloud(site);
  const [one, two] = [await network.securityGroups.create({ name: names[0] }), await network.securityGroups.create({ name: names[1] })];
  await network.securityGroupRules.create({ security_group_id: one.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 1, port_range_max: 1, remote_group_id: two.id });
  return [one.id, two.id];
}

describe('an audit by revisions', () => {
  it('sees drift of a group whose rule names one that is not selected, and that one’s other name', async () => {
    const w = await emulated();
    for (const site of ['site1', 'site2']) await twoGroups(w, site);
    const active = policyOf({ names: ['one'] });
    const reader = new RevisionReader();
    const look = async (): Promise<[string[], string[]]> => {
      reader.begin();
      const [quick, full] = [await makePlan(w.deps, active, reader), await makePlan(w.deps, active)];
      expect(quick.report.conflicts).toEqual(full.report.conflicts);
      return [texts(quick.actions), texts(full.actions)];
    };
    expect(await look()).toEqual([[], []]);
    const { network } = w.cloud('site2');
    const [one] = await network.securityGroups.list({ name: 'one' });
    await network.securityGroupRules.create({ security_group_id: one?.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 23, port_range_max: 23 });
    const drift = ['update security-groups Default/vnf one at site2'];
    expect(await look()).toEqual([drift, drift]);
    await network.securityGroupRules.delete((await network.securityGroups.get(one?.id ?? '')).security_group_rules.find((r) => r.port_range_min === 23)?.id ?? '');
    expect(await look()).toEqual([[], []]);
    await network.securityGroups.update((await network.securityGroups.list({ name: 'two' }))[0]?.id ?? '', { name: 'renamed' });
    expect(await look()).toEqual([drift, drift]);
  }, 20_000);
});

describe('what cannot be told apart', () => {
  it('a rule that names one of two groups of one name: its group is left alone, and nothing is guessed at the other site', async () => {
    const w = await emulated();
    await twoGroups(w, 'site1');
    await w.cloud('site1').network.securityGroups.create({ name: 'two' });
    const plan = await makePlan(w.deps, policyOf({ names: ['one'] }));
    expect([plan.actions, plan.report.conflicts]).toMatchObject([[], [{ code: 'GW_SYNC_UNFIT', key: 'security-groups Default/vnf one' }]]);
    const v = await emulated();
    await twoGroups(v, 'site1');
    for (let n = 0; n < 2; n++) await v.cloud('site2').network.securityGroups.create({ name: 'two' });
    await expect(apply(v, policyOf({ names: ['one'] }))).rejects.toThrow('2 have that name here');
  }, 20_000);
});

describe('what a site cannot have', () => {
  it('access of a project that it lacks is no difference, neither by a source nor by agreement', async () => {
    const w = await emulated();
    const [admin1, admin2] = [w.cloud('site1-admin'), w.cloud('site2-admin')];
    const only = await admin1.identity.projects.create({ name: 'only1', domain_id: 'default' });
    for (const admin of [admin1, admin2]) {
      const flavor = await admin.compute.flavors.create({ name: 'mine', vcpus: 1, ram: 64, disk: 0, 'os-flavor-access:is_public': false });
      await admin.compute.flavors.addAccess(flavor.id, (await admin.identity.projects.find('vnf'))?.id ?? '');
      if (admin === admin1) await admin.compute.flavors.addAccess(flavor.id, only.id);
    }
    for (const source of ['site1', 'agreement']) expect(texts((await makePlan(w.deps, policyOf({ kinds: ['flavors'], names: ['mine'], source }))).actions)).toEqual([]);
  }, 20_000);

  it('keys of a user that it lacks are a conflict; at the source, what cannot be asked for is not taken for deleted', async () => {
    const w = await emulated();
    const user = { name: 'newcomer', domain: 'Default' };
    const { id } = await w.cloud('site1-admin').identity.users.create({ name: user.name, domain_id: 'default', password: 'secret' });
    await w.cloud('site1-admin').compute.keypairs.create({ name: 'k', public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1v', user_id: id });
    const plan = await makePlan(w.deps, policyOf({ kinds: ['keypairs'] }, { users: [user] }));
    expect([plan.actions, plan.agreed.size, plan.report.conflicts]).toMatchObject([[], 0, [{ site: 'site2', code: 'GW_SYNC_CONFLICT', reason: expect.stringContaining('no user Default/newcomer') as string }]]);
    await expect(makePlan(w.deps, policyOf({ kinds: ['keypairs'], source: 'site2', delete: true }, { users: [user] }))).rejects.toMatchObject({ code: 'GW_SYNC_SOURCE_AWAY' });
    w.emulator.inject({ kind: 'error', site: 'site2', service: 'network', method: 'GET', path: '/address-groups', status: 404 });
    await expect(makePlan(w.deps, policyOf({ kinds: ['address-groups'], source: 'site2', delete: true }))).rejects.toMatchObject({ code: 'GW_SYNC_SOURCE_AWAY' });
  }, 20_000);

  it('what others name goes first and comes down last', () => {
    const action = (kind: Action['kind'], what: Action['action']): Action => ({ site: 's', kind, key: kind, action: what });
    const order = inOrder([action('address-groups', 'delete'), action('security-groups', 'update'), action('address-groups', 'create'), action('security-groups', 'delete')]);
    expect(order.flatMap(({ some }) => some.map((a) => `${a.action} ${a.kind}`))).toEqual(['create address-groups', 'update security-groups', 'delete security-groups', 'delete address-groups']);
  });
});

it('an administrator’s word for a policy is not taken for that of one project of several', async () => {
  const w = await emulated();
  const { api } = syncService(w.deps, new FakeEngine().engine);
  const admin = (name: string) => ({ userId: 'a', userName: 'admin', userDomain: 'Default', project: { name, domain: 'Default' }, admin: true });
  const policy = { name: 'p', kinds: ['security-groups' as const], sites: ['site1', 'site2'], source: 'site1' };
  const [vnf] = [await api.createSyncPolicy(admin('vnf'), policy), await api.createSyncPolicy(admin('other'), policy)];
  await expect(api.deleteSyncPolicy(admin('admin'), 'p')).rejects.toMatchObject({ code: 'GW_POLICY_AMBIGUOUS' });
  await api.deleteSyncPolicy(admin('other'), 'p');
  expect((await api.listSyncPolicies(admin('admin'))).map((p) => p.id)).toEqual([vnf?.id]);
}, 20_000);

describe('readiness', () => {
  const needsOf = (more: object) => readinessRequestSchema.parse({ at: 'site2', from: 'site1', ...more });
  const missing = async (w: Emulated, more: object) => (await checkReadiness(w.deps, project, undefined, needsOf(more))).missing.map((m) => `${m.what} ${m.name}: ${m.reason}`);

  it('is of the names that are asked for, as they are: no ending, no other kind, no pattern', async () => {
    const w = await emulated();
    const { network } = w.cloud('site1');
    for (const name of ['b', 'a b', 'a*', 'ab']) await network.securityGroups.create({ name });
    for (const name of ['b', 'a*']) await w.cloud('site2').network.securityGroups.create({ name });
    await network.addressGroups.create({ name: 'b', addresses: ['192.0.2.1/32'] });
    expect(await missing(w, { securityGroups: ['b', 'a*'] })).toEqual([]);
    await network.securityGroups.update((await network.securityGroups.list({ name: 'a*' }))[0]?.id ?? '', { description: 'other' });
    expect(await missing(w, { securityGroups: ['b', 'a*'] })).toEqual(['security-groups a*: it differs in description']);
    const [active] = needsAsPolicies(needsOf({ securityGroups: ['a*'] }), project, undefined);
    expect(active && texts((await makePlan(w.deps, await narrowed(w.deps, active, ['a*']))).actions)).toEqual(['update security-groups Default/vnf a* at site2']);
  }, 20_000);

  it('a group is not ready while one that its rules name differs, and one command repairs both', async () => {
    const w = await emulated();
    const [one] = await twoGroups(w, 'site1');
    await twoGroups(w, 'site2');
    expect(await missing(w, { securityGroups: ['one'] })).toEqual([]);
    const { network } = w.cloud('site1');
    const addresses = await network.addressGroups.create({ name: 'office', addresses: ['192.0.2.1/32'] });
    await network.securityGroupRules.create({ security_group_id: one, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 9, port_range_max: 9, remote_address_group_id: addresses.id });
    await network.securityGroups.update((await network.securityGroups.list({ name: 'two' }))[0]?.id ?? '', { description: 'other' });
    const [active] = needsAsPolicies(needsOf({ securityGroups: ['one'] }), project, undefined);
    expect((await missing(w, { securityGroups: ['one'] })).sort()).toEqual([
      'security-groups one: it differs in rules', 'security-groups one: its rules name address group office, and it is not there', 'security-groups one: its rules name security group two, and it differs in description',
    ]);
    if (active) await apply(w, await narrowed(w.deps, active, ['one']));
    expect(await missing(w, { securityGroups: ['one'] })).toEqual([]);
  }, 20_000);
});

describe('an import', () => {
  it('that an earlier life has asked for is waited for, though Glance refuses to begin it twice', async () => {
    const w = await emulated();
    const [site1, site2] = [w.cloud('site1'), w.cloud('site2')];
    const made = await site1.image.create({ name: 'app', disk_format: 'raw', container_format: 'bare' });
    await site1.image.upload(made.id, Buffer.alloc(5_000, 7), 5_000);
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    const working = await workingImage(place, record, 'site1');
    w.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'POST', path: '/import$', status: 409, times: 1 });
    const done = importImage(place, record, { site: 'site1', region: 'site1' }, w.deps.clock, stepContext());
    await new Promise((r) => setTimeout(r, 50));
    await site2.image.import(working.id, { name: 'glance-download', glance_region: 'site1', glance_image_id: made.id }).catch(() => undefined);
    await done;
    expect(await site2.image.get(working.id)).toMatchObject({ status: 'active', os_hash_value: record.hash?.value });
  }, 20_000);

  it('has as long as its size takes', () => {
    expect([importTimeMs(1), importTimeMs(100 * 1024 ** 3)]).toEqual([15 * 60_000, 100 * 1024 * 1_000]);
  });
});
