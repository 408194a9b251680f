import { GodwitError, toGodwitError, type ProjectRef } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { Names } from '../project.ts';
import { diff, fieldChanges, type Diff } from './diff.ts';
import { drivers } from './drivers.ts';
import { mappingOf } from './mapping.ts';
import type { SyncChange, SyncPolicy, SyncReport } from './schemas.ts';
import { freshReader, type Entry, type Reader } from './reader.ts';
import type { Action, Driver, Item, Scope, SyncKind } from './types.ts';

/** A policy with its ids and defaults in place. */
export interface ActivePolicy {
  readonly id: string;
  readonly policy: SyncPolicy;
  readonly projects: readonly ProjectRef[];
  readonly users: readonly ProjectRef[];
  /** Instead of the policy's names, which are patterns: of these kinds, just these. */
  readonly exact?: Partial<Record<SyncKind, readonly string[]>>;
}

export interface Plan {
  readonly actions: readonly Action[];
  readonly report: SyncReport;
  /** What is newly agreed on, and what nobody has any more: to be written down. */
  readonly agreed: ReadonlyMap<string, string>;
  readonly gone: readonly string[];
}

export function scopeOf(deps: Deps, active: ActivePolicy, site: string, signal?: AbortSignal): Scope {
  const at = deps.sites.get(site);
  const { names, tags, source, sites } = active.policy;
  // Where nobody is right by himself, the first is what the others’ names are told by.
  const measure = source === 'agreement' ? (sites[0] ?? site) : source;
  return { site: at, names: new Names(at.admin), projects: active.projects, users: active.users, selection: { names, tags, ...(active.exact ? { exact: active.exact } : {}) }, mapping: mappingOf(deps.sites, measure, site), measure: active.policy.delete && (source === site || source === 'agreement'), ...(signal ? { signal } : {}) };
}

/** What is to be done so that the sites are as the policy says; changes nothing. A site that cannot be read is left out, and said so. */
export async function makePlan(deps: Deps, active: ActivePolicy, reader: Reader = freshReader(), signal?: AbortSignal): Promise<Plan> {
  const { policy } = active;
  const kinds = drivers.filter((d) => policy.kinds.includes(d.kind));
  const baseline = await deps.store.baseline(active.id);
  const scopes = new Map(policy.sites.map((site) => [site, scopeOf(deps, active, site, signal)]));
  const unreachable: SyncReport['unreachable'] = [];
  const seen = new Map<string, Map<SyncKind, readonly Entry[]>>();
  const lost = (site: string, error: unknown): void => {
    signal?.throwIfAborted();
    const known = toGodwitError(error, { site });
    unreachable.push({ site, code: known.code, message: known.message });
    seen.delete(site);
  };
  await inTurns(
    [...scopes],
    async ([site, scope]) => {
      try {
        const read = new Map<SyncKind, readonly Entry[]>();
        for (const { kind } of kinds) read.set(kind, (await reader.entries(kind, scope)).filter((e) => !scope.mapping.apart(kind, e.name)));
        seen.set(site, read);
      } catch (error) {
        lost(site, error);
      }
    },
  );
  const compared = [...seen.values()].reduce((n, read) => n + [...read.values()].reduce((m, l) => m + l.length, 0), 0);
  const diffs: Diff[] = [];
  const agreed = new Map<string, string>();
  for (const driver of kinds) {
    const apart = (site: string, name: string): boolean => scopes.get(site)?.mapping.apart(driver.kind, name) ?? false;
    const { same, suspects } = compare(new Map([...seen].map(([site, read]) => [site, read.get(driver.kind) ?? []])), apart);
    for (const [key, digest] of same) agreed.set(key, digest);
    const items = new Map<string, readonly Item[]>();
    await inTurns(
      [...seen],
      async ([site, read]) => {
        const scope = scopes.get(site);
        const differing = (read.get(driver.kind) ?? []).filter((e) => suspects.has(e.key));
        try {
          if (scope) items.set(site, differing.length > 0 ? await reader.items(driver.kind, scope, differing) : []);
        } catch (error) {
          lost(site, error);
        }
      },
    );
    for (const site of [...items.keys()]) if (!seen.has(site)) items.delete(site);
    const levelled = driver.level ? await driver.level(items, scopes, policy.source) : items;
    const found = await possible(driver, scopes, diff({ driver, source: policy.source, baseline, delete: policy.delete, items: levelled, apart }));
    diffs.push({ ...found, gone: found.gone.filter((k) => !same.has(k)) });
  }
  if (policy.source !== 'agreement' && !seen.has(policy.source)) {
    const why = unreachable.find((u) => u.site === policy.source);
    throw new GodwitError('GW_SYNC_SOURCE_AWAY', 'retryable', `policy ${policy.name}: its source ${policy.source} cannot be read: ${why?.message ?? ''}`, { site: policy.source, resource: `sync policy ${policy.name}`, action: 'Nothing is changed elsewhere meanwhile. See godwit site check.' });
  }
  for (const d of diffs) for (const [key, digest] of d.agreed) agreed.set(key, digest);
  const actions = diffs.flatMap((d) => d.actions);
  const unsettled = new Set(actions.map((a) => a.key));
  return {
    actions,
    // What is still to be done is not agreed on; nor is anything while a site cannot be asked, which may have changed or deleted it.
    agreed: unreachable.length > 0 ? new Map() : new Map([...agreed].filter(([key, digest]) => !unsettled.has(key) && baseline.get(key) !== digest)),
    gone: unreachable.length > 0 ? [] : diffs.flatMap((d) => d.gone),
    report: { policy: policy.name, at: deps.clock.now().toISOString(), compared, changes: actions.map(asChange), conflicts: diffs.flatMap((d) => d.conflicts), unreachable },
  };
}

/** What can never be made somewhere is said once, not tried for ever; nor is it agreed on, lest it seem to have been deleted there. */
async function possible(driver: Driver, scopes: ReadonlyMap<string, Scope>, found: Diff): Promise<Diff> {
  if (!driver.impossible) return found;
  const [actions, conflicts, agreed] = [[] as Action[], [...found.conflicts], new Map(found.agreed)];
  for (const action of found.actions) {
    const scope = scopes.get(action.site);
    const why = action.action === 'create' && action.wanted && scope ? await driver.impossible(scope, action.wanted) : undefined;
    if (why === undefined) actions.push(action);
    else {
      conflicts.push({ site: action.site, kind: action.kind, key: action.key, code: 'GW_SYNC_CONFLICT', reason: why });
      agreed.delete(action.key);
    }
  }
  return { ...found, actions, conflicts, agreed };
}

/** Sites read at a time: what has been read whole is in memory until it is digested. */
const SITES_AT_ONCE = 8;

async function inTurns<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: SITES_AT_ONCE }, worker));
}

/** Most are the same everywhere: only the others are looked at closely. */
function compare(entries: ReadonlyMap<string, readonly Entry[]>, apart: (site: string, name: string) => boolean): { same: Map<string, string>; suspects: Set<string> } {
  const count = new Map<string, { name: string; digest: string; sites: number }>();
  const suspects = new Set<string>();
  for (const list of entries.values()) {
    for (const { key, name, digest, unfit } of list) {
      const known = count.get(key);
      if (!known) count.set(key, { name, digest, sites: 1 });
      else known.sites++;
      if (unfit || (known && known.digest !== digest)) suspects.add(key);
    }
  }
  const same = new Map<string, string>();
  for (const [key, { name, digest, sites }] of count) {
    if (sites < entries.size && sites < [...entries.keys()].filter((site) => !apart(site, name)).length) suspects.add(key);
    else if (!suspects.has(key)) same.set(key, digest);
  }
  return { same, suspects };
}

export const asChange = (action: Action): SyncChange => ({ site: action.site, kind: action.kind, key: action.key, action: action.action, fields: fieldChanges(action), outcome: 'planned' });
