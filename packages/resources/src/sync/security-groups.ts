import { isOpenStackError, type SecurityGroup, type SecurityGroupRule } from '@godwit/openstack';
import { projectIdAt, projectKey, projectOf, type ProjectRef } from '@godwit/sites';
import type { Mapping } from './mapping.ts';
import { chosen, each, markTwins, type Action, type Driver, type Item, type Scope, type Spec, type Value } from './types.ts';

/** A rule without ids: groups that it names, by their names. */
export interface RuleSpec {
  readonly direction: string;
  readonly ethertype: string | null;
  readonly protocol: string | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly prefix: string | null;
  readonly group: string | null;
  readonly addressGroup: string | null;
  readonly description: string;
}

const OUTSIDE = '(of another project)';

function ruleSpec(rule: SecurityGroupRule, { groupNames, addressGroupNames, mapping }: Pick<Known, 'groupNames' | 'addressGroupNames' | 'mapping'>): RuleSpec {
  const common = (name: string | null): string | null => (name === null || name === OUTSIDE ? name : mapping.common(name));
  const named = (id: string | null | undefined, names: ReadonlyMap<string, string>): string | null => (id ? (names.get(id) ?? OUTSIDE) : null);
  return {
    direction: rule.direction,
    ethertype: rule.ethertype ?? null,
    protocol: rule.protocol ?? null,
    min: rule.port_range_min ?? null,
    max: rule.port_range_max ?? null,
    prefix: normalPrefix(rule.remote_ip_prefix),
    group: common(named(rule.remote_group_id, groupNames)),
    addressGroup: named(rule.remote_address_group_id, addressGroupNames),
    description: rule.description ?? '',
  };
}

/** Neutron takes "everywhere" in two ways, and keeps the one it was given. */
const normalPrefix = (prefix: string | null | undefined): string | null => (!prefix || prefix === '0.0.0.0/0' || prefix === '::/0' ? null : prefix);

/** Rules have no order, and their description does not make them two. */
const ruleKey = (rule: RuleSpec): string => JSON.stringify([rule.direction, rule.ethertype, rule.protocol, rule.min, rule.max, rule.prefix, rule.group, rule.addressGroup]);

const ruleText = (rule: RuleSpec): string =>
  [rule.direction, rule.ethertype ?? 'any', rule.protocol ?? 'any', rule.min === null ? '' : rule.min === rule.max ? `${rule.min}` : `${rule.min}-${rule.max ?? ''}`, rule.group ? `from group ${rule.group}` : rule.addressGroup ? `from address group ${rule.addressGroup}` : rule.prefix ? `from ${rule.prefix}` : '']
    .filter((s) => s !== '')
    .join(' ');

/** Everything of a project's groups at a site, by name and by id. */
interface Known {
  readonly projectId: string;
  readonly groups: readonly SecurityGroup[];
  readonly groupNames: ReadonlyMap<string, string>;
  readonly addressGroupNames: ReadonlyMap<string, string>;
  /** Names that several groups, or address groups, have. */
  readonly twins: readonly [ReadonlySet<string>, ReadonlySet<string>];
  readonly mapping: Mapping;
}

/** What rules are told and made by. */
function known(projectId: string, groups: readonly SecurityGroup[], groupNames: ReadonlyMap<string, string>, addressGroups: readonly { readonly id: string; readonly name: string }[], mapping: Mapping): Known {
  const addressGroupNames = new Map(addressGroups.map((g) => [g.id, g.name]));
  return { projectId, groups, groupNames, addressGroupNames, twins: [twice(groupNames), twice(addressGroupNames)], mapping };
}

async function know({ site, signal, mapping }: Scope, project: ProjectRef): Promise<Known> {
  const projectId = await projectIdAt(site, project);
  const tenant = site.asProject(project);
  const options = signal ? { signal } : {};
  const [groups, addressGroups] = await Promise.all([
    tenant.network.securityGroups.list({ project_id: projectId }, options),
    // An extension that an old Neutron lacks.
    tenant.network.addressGroups.list({ project_id: projectId }, options).catch((error: unknown) => {
      if (isOpenStackError(error, 'OS_NOT_FOUND')) return [];
      throw error;
    }),
  ]);
  return known(projectId, groups, new Map(groups.map((g) => [g.id, g.name])), addressGroups, mapping);
}

const twice = (names: ReadonlyMap<string, string>): ReadonlySet<string> => {
  const once = new Set<string>();
  return new Set([...names.values()].filter((n) => once.size === once.add(n).size));
};

/** A group that a rule names and whose name does not tell which: elsewhere, the rule might come to point to the other. */
function twinOf(rule: SecurityGroupRule, { groupNames, addressGroupNames, twins }: Known): string | undefined {
  const named = [rule.remote_group_id ? groupNames.get(rule.remote_group_id) : undefined, rule.remote_address_group_id ? addressGroupNames.get(rule.remote_address_group_id) : undefined];
  return named.find((name, n) => name !== undefined && twins[n]?.has(name) === true);
}

const rulesOf = (spec: Spec): RuleSpec[] => spec['rules'] as unknown as RuleSpec[];

function itemOf(project: ProjectRef, group: SecurityGroup, all: Known): Item {
  const rules = group.security_group_rules.map((r) => ruleSpec(r, all)).toSorted((a, b) => (ruleKey(a) < ruleKey(b) ? -1 : 1));
  const outside = rules.find((r) => r.group === OUTSIDE || r.addressGroup === OUTSIDE);
  const twin = group.security_group_rules.map((r) => twinOf(r, all)).find((name) => name !== undefined);
  return {
    kind: 'security-groups', key: `security-groups ${projectKey(project)} ${group.name}`, owner: project, name: group.name, id: group.id,
    spec: { description: group.description ?? '', stateful: group.stateful ?? true, tags: (group.tags ?? []).toSorted(), rules: rules as unknown as Value[] },
    ...(twin === undefined ? {} : { unfit: `a rule of it names a group ${twin}, and several have that name` }),
    ...(outside ? { unfit: `a rule of it names a group of another project (${ruleText(outside)})` } : {}),
  };
}

/**
 * A project's groups at a site; with `ids` only those, and rules' remote groups by the names that are known already.
 */
export async function listSecurityGroups(scope: Scope, project: ProjectRef, some?: { readonly ids: readonly string[]; readonly names: ReadonlyMap<string, string> }): Promise<Item[]> {
  if (!some) {
    const all = await know(scope, project);
    return all.groups.filter((g) => chosen(scope.selection, 'security-groups', g.name, g.tags ?? [])).map((g) => itemOf(project, g, all));
  }
  const { network } = scope.site.asProject(project);
  const groups = await network.securityGroups.list({ id: some.ids }, scope.signal ? { signal: scope.signal } : {});
  // One that is new since is named by itself only.
  const groupNames = new Map([...some.names, ...groups.map((g) => [g.id, g.name] as const)]);
  const addressed = groups.some((g) => g.security_group_rules.some((r) => r.remote_address_group_id));
  const addressGroups = addressed ? await network.addressGroups.list({ project_id: await projectIdAt(scope.site, project) }) : [];
  const all = known('', groups, groupNames, addressGroups, scope.mapping);
  return groups.filter((g) => chosen(scope.selection, 'security-groups', g.name, g.tags ?? [])).map((g) => itemOf(project, g, all));
}

export const securityGroups: Driver = {
  kind: 'security-groups',
  list: async (scope) => markTwins((await Promise.all(scope.projects.map((project) => listSecurityGroups(scope, project)))).flat()),
  immutable: () => undefined,
  async apply(scope, actions, done) {
    const { site } = scope;
    const byProject = new Map<string, Action[]>();
    for (const a of actions) {
      const { owner } = a.wanted ?? a.present ?? {};
      if (owner) byProject.set(projectKey(owner), [...(byProject.get(projectKey(owner)) ?? []), a]);
    }
    for (const [key, ours] of byProject) {
      const project = projectOf(key);
      const { network } = site.asProject(project);
      const projectId = await projectIdAt(site, project);
      const failed = new Set<Action>();
      const note = (action: Action, error?: unknown): void => {
        if (error === undefined) return;
        failed.add(action);
        done(action, error);
      };
      // All groups first: rules may name each other's groups in both directions.
      await each(ours.filter((a) => a.action === 'create'), note, async ({ wanted }) => {
        if (!wanted) return;
        const [there] = await network.securityGroups.list({ name: wanted.name, project_id: projectId });
        if (!there) await network.securityGroups.create({ name: wanted.name, description: wanted.spec['description'], ...(wanted.spec['stateful'] === false ? { stateful: false } : {}) });
      });
      const all = await know(scope, project);
      await each(ours.filter((a) => a.action !== 'delete' && !failed.has(a)), done, async ({ wanted }) => {
        const group = all.groups.find((g) => g.name === wanted?.name);
        if (wanted && group) await bring(network, group, wanted.spec, all, projectId);
      });
      await each(ours.filter((a) => a.action === 'delete'), done, async ({ present }) => {
        if (present) await network.securityGroups.delete(present.id);
      });
    }
  },
};

type NetworkApi = ReturnType<Scope['site']['asProject']>['network'];

async function bring(network: NetworkApi, group: SecurityGroup, spec: Spec, all: Known, projectId: string): Promise<void> {
  const fields: Record<string, unknown> = {};
  if ((group.description ?? '') !== spec['description']) fields['description'] = spec['description'];
  if ((group.stateful ?? true) !== spec['stateful']) fields['stateful'] = spec['stateful'];
  if (Object.keys(fields).length > 0) await network.securityGroups.update(group.id, fields);
  if (JSON.stringify((group.tags ?? []).toSorted()) !== JSON.stringify(spec['tags'])) await network.securityGroups.setTags(group.id, spec['tags'] as string[]);
  const idOf = (names: ReadonlyMap<string, string>, name: string): string => {
    const [id, ...more] = [...names].filter(([, n]) => n === name).map(([i]) => i);
    if (more.length > 0) throw new Error(`a rule names group ${name}, and ${more.length + 1} have that name here: rename them`);
    if (id === undefined) throw new Error(`a rule names group ${name}, which is not there: select it too`);
    return id;
  };
  const have = new Map(group.security_group_rules.map((r) => [ruleKey(ruleSpec(r, all)), r]));
  const want = new Map(rulesOf(spec).map((r) => [ruleKey(r), r]));
  // New ones before old ones go: a group is never tighter than both its versions.
  for (const [key, rule] of want) {
    const there = have.get(key);
    if (there && (there.description ?? '') === rule.description) continue;
    if (there) await network.securityGroupRules.delete(there.id);
    await network.securityGroupRules
      .create({
        security_group_id: group.id, project_id: projectId, direction: rule.direction, ethertype: rule.ethertype, protocol: rule.protocol,
        port_range_min: rule.min, port_range_max: rule.max, remote_ip_prefix: rule.prefix, description: rule.description,
        ...(rule.group === null ? {} : { remote_group_id: idOf(all.groupNames, all.mapping.local(rule.group)) }),
        ...(rule.addressGroup === null ? {} : { remote_address_group_id: idOf(all.addressGroupNames, rule.addressGroup) }),
      })
      .catch((error: unknown) => {
        // Made by an earlier life of this step.
        if (!isOpenStackError(error, 'OS_CONFLICT')) throw error;
      });
  }
  for (const [key, rule] of have) if (!want.has(key)) await network.securityGroupRules.delete(rule.id);
}
