import { at, GodwitError, projectKey, toGodwitError, type ProjectRef } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { findImage, lookAtTarget, readRecord } from '../images/find.ts';
import { differences } from '../images/record.ts';
import { driverOf } from '../sync/drivers.ts';
import { makePlan, scopeOf, type ActivePolicy } from '../sync/plan.ts';
import type { SyncReport } from '../sync/schemas.ts';
import type { RuleSpec } from '../sync/security-groups.ts';
import type { Item, SyncKind } from '../sync/types.ts';
import type { Readiness, ReadinessNeeds } from './schemas.ts';

const kinds = { 'security-groups': 'securityGroups', flavors: 'flavors', keypairs: 'keypairs', 'server-groups': 'serverGroups' } as const satisfies Partial<Record<SyncKind, keyof ReadinessNeeds>>;
type Kind = keyof typeof kinds;

/** Of no policy: nothing is remembered of it. */
export const NO_POLICY = '00000000-0000-0000-0000-000000000000';

/** One policy for each kind that something is needed of, as if it were kept in step from there to here. */
export function needsAsPolicies(needs: ReadinessNeeds, project: ProjectRef, user: ProjectRef | undefined): ActivePolicy[] {
  return (Object.keys(kinds) as Kind[]).flatMap((kind): ActivePolicy[] => {
    const names = needs[kinds[kind]];
    if (names.length === 0) return [];
    return [{
      id: NO_POLICY, projects: [project], users: user ? [user] : [],
      // Of security groups all are read: what the rules of those asked for name belongs to them.
      ...(kind === 'security-groups' ? {} : { exact: { [kind]: names } }),
      policy: { name: 'readiness', kinds: kind === 'security-groups' ? ['address-groups', 'security-groups'] : [kind], sites: [needs.from, needs.at], source: needs.from, mode: 'report', delete: false, everySeconds: 60 },
    }];
  });
}

/** Are these at the site, identical, now? When the site that they are compared with is away, only whether they are there. */
export async function checkReadiness(deps: Deps, project: ProjectRef, user: ProjectRef | undefined, needs: ReadinessNeeds): Promise<Readiness> {
  const missing: Readiness['missing'] = [];
  let compared = true;
  for (const active of needsAsPolicies(needs, project, user)) {
    const kind = active.policy.kinds.at(-1) as Kind;
    const names = needs[kinds[kind]];
    // What the site has something of its own for is asked for by that one's name, and not compared.
    const { apart } = scopeOf(deps, active, needs.at).mapping;
    const mapped = names.filter((n) => apart(kind, n));
    const same = names.filter((n) => !mapped.includes(n));
    if (mapped.length > 0) {
      const there = await namesAt(deps, active, needs.at, kind, mapped.map((n) => localName(deps, needs, kind, n)));
      for (const name of mapped) if (!there.has(localName(deps, needs, kind, name))) missing.push({ what: kind, name, reason: `it is called ${localName(deps, needs, kind, name)} there (mappings of godwit.yaml), and that is not there`, repairable: false });
    }
    if (same.length === 0) continue;
    try {
      const { report } = await makePlan(deps, active);
      const away = report.unreachable.find((u) => u.site === needs.at);
      if (away) {
        // Asked again, for the error itself: the report has but its text. Who answers now was away a moment ago.
        await namesAt(deps, active, needs.at, kind);
        throw new GodwitError('GW_SITE_UNREACHABLE', 'retryable', away.message, { site: needs.at, action: 'Ask again in a moment.' });
      }
      const parts = await partsOf(deps, active, project, user, kind, same);
      for (const { key, reason, repairable } of findings(report)) {
        for (const [name, keys] of parts) {
          const part = keys.get(key);
          if (part !== undefined) missing.push({ what: kind, name, reason: part === '' ? reason : `its rules name ${part}, and ${reason}`, repairable });
        }
      }
      const there = await namesAt(deps, active, needs.from, kind);
      for (const name of same) if (!there.has(name)) missing.push({ what: kind, name, reason: `it is not at ${needs.from} either`, repairable: false });
    } catch (error) {
      const known = toGodwitError(error);
      if (known.code !== 'GW_SYNC_SOURCE_AWAY') throw known;
      compared = false;
      const there = await namesAt(deps, active, needs.at, kind);
      for (const name of same) if (!there.has(name)) missing.push({ what: kind, name, reason: 'it is not there', repairable: false });
    }
  }
  for (const name of needs.images) {
    const state = await imageState(deps, project, needs, name);
    compared &&= state.compared;
    if (state.missing) missing.push({ what: 'images', name, ...state.missing });
  }
  return { ready: missing.length === 0, at: needs.at, from: needs.from, missing, compared };
}

/** The same at every site: as a driver has it. */
const keyOf = (kind: SyncKind, name: string, project: ProjectRef, user: ProjectRef | undefined): string =>
  kind === 'flavors' ? `flavors ${name}` : kind === 'keypairs' ? `keypairs ${user ? projectKey(user) : ''} ${name}` : `${kind} ${projectKey(project)} ${name}`;

function findings(report: SyncReport): { key: string; reason: string; repairable: boolean }[] {
  return [
    ...report.changes.map((c) => ({ key: c.key, reason: c.action === 'create' ? 'it is not there' : `it differs in ${c.fields.map((f) => f.field).join(', ')}`, repairable: true })),
    ...report.conflicts.filter((c) => c.code !== 'GW_SYNC_EXTRA').map((c) => ({ key: c.key, reason: c.reason, repairable: false })),
  ];
}

/** By each name that is asked for, the keys of all that makes it up, with what it is (nothing: itself): to a security group belong the groups that its rules name, and that theirs do. */
async function partsOf(deps: Deps, active: ActivePolicy, project: ProjectRef, user: ProjectRef | undefined, kind: Kind, names: readonly string[]): Promise<Map<string, Map<string, string>>> {
  if (kind !== 'security-groups') return new Map(names.map((n) => [n, new Map([[keyOf(kind, n, project, user), '']])]));
  const groups = await at(active.policy.source, () => driverOf(kind).list(scopeOf(deps, active, active.policy.source)));
  return new Map(names.map((name) => {
    const found = named(groups, [name]);
    return [name, new Map([
      ...found['address-groups'].map((n) => [keyOf('address-groups', n, project, user), `address group ${n}`] as const),
      ...found['security-groups'].map((n) => [keyOf(kind, n, project, user), n === name ? '' : `security group ${n}`] as const),
    ])];
  }));
}

/** Groups by name, with all that their rules name, and what these name. */
function named(groups: readonly Item[], names: readonly string[]): { 'security-groups': string[]; 'address-groups': string[] } {
  const [all, addresses] = [new Set(names), new Set<string>()];
  for (const name of all) {
    for (const rule of (groups.find((i) => i.name === name)?.spec['rules'] ?? []) as unknown as RuleSpec[]) {
      if (rule.group !== null) all.add(rule.group);
      if (rule.addressGroup !== null) addresses.add(rule.addressGroup);
    }
  }
  return { 'security-groups': [...all], 'address-groups': [...addresses] };
}

/** What repairs the names, and nothing else. */
export async function narrowed(deps: Deps, active: ActivePolicy, names: readonly string[]): Promise<ActivePolicy> {
  const kind = active.policy.kinds.at(-1) as Kind;
  if (kind !== 'security-groups') return { ...active, exact: { [kind]: names } };
  return { ...active, exact: named(await driverOf(kind).list(scopeOf(deps, active, active.policy.source)), names) };
}

async function namesAt(deps: Deps, active: ActivePolicy, site: string, kind: Kind, names?: readonly string[]): Promise<Set<string>> {
  const scope = scopeOf(deps, active, site);
  return at(site, async () => new Set((await driverOf(kind).list(names ? { ...scope, selection: { exact: { [kind]: names } } } : scope)).map((i) => i.name)));
}

/** Only flavors and security groups have mappings. */
const localName = (deps: Deps, needs: ReadinessNeeds, kind: Kind, name: string): string => deps.sites.map(needs.from, needs.at, kind === 'flavors' ? 'flavors' : 'securityGroups', name);

async function imageState(deps: Deps, project: ProjectRef, needs: ReadinessNeeds, name: string): Promise<{ compared: boolean; missing?: { reason: string; repairable: boolean } }> {
  const there = deps.sites.get(needs.at);
  try {
    const source = deps.sites.get(needs.from);
    const record = await readRecord(source, project, await findImage(source, project, name), false);
    const { copy, conflict } = await lookAtTarget(there, project, record);
    if (!copy) return { compared: true, missing: { reason: conflict ? `another image has the name there (${conflict.id})` : 'it is not there', repairable: !conflict } };
    const differ = differences(copy, { ...record, visibility: copy.visibility ?? record.visibility });
    return differ.length === 0 ? { compared: true } : { compared: true, missing: { reason: `it differs in ${differ.join(', ')}`, repairable: true } };
  } catch (error) {
    const known = toGodwitError(error);
    if (known.code === 'GW_IMAGE_UNKNOWN') return { compared: true, missing: { reason: `it is not at ${needs.from} either`, repairable: false } };
    if (known.site !== needs.from || known.kind === 'terminal') throw known;
    try {
      await findImage(there, project, name);
      return { compared: false };
    } catch (inner) {
      const e = toGodwitError(inner);
      if (e.code !== 'GW_IMAGE_UNKNOWN') throw e;
      return { compared: false, missing: { reason: 'it is not there', repairable: false } };
    }
  }
}
