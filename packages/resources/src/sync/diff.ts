import { createHash } from 'node:crypto';
import type { SyncConflict } from './schemas.ts';
import type { Action, Driver, Item, Spec, Value } from './types.ts';

export interface DiffOptions {
  readonly driver: Pick<Driver, 'kind' | 'immutable'>;
  /** A site's name, or `agreement`. */
  readonly source: string;
  /** Of each site that could be read, its items. */
  readonly items: ReadonlyMap<string, readonly Item[]>;
  /** Digest by key, as of the last agreement. */
  readonly baseline: ReadonlyMap<string, string>;
  readonly delete: boolean;
  /** Whether a site has something of its own in its place (mappings of godwit.yaml). */
  readonly apart?: (site: string, name: string) => boolean;
}

export interface Diff {
  readonly actions: readonly Action[];
  readonly conflicts: readonly SyncConflict[];
  /** What all sites that could be read agree on, or will when the actions are done. */
  readonly agreed: ReadonlyMap<string, string>;
  /** Keys that nobody has any more. */
  readonly gone: readonly string[];
}

export const digestOf = (spec: Spec): string => createHash('sha256').update(canonical(spec)).digest('base64url');

/** JSON with the keys in order: the same text for the same meaning. */
export function canonical(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${JSON.stringify(k)}:${canonical(v as Value)}`).join(',')}}`;
}

/** What is to be done so that all sites have the same. Decides nothing that it cannot know: that is a conflict. */
export function diff(options: DiffOptions): Diff {
  const { driver, items, baseline } = options;
  const bySite = new Map([...items].map(([site, list]) => [site, new Map(list.map((i) => [i.key, i]))]));
  const keys = new Set([...items.values()].flatMap((list) => list.map((i) => i.key)));
  const actions: Action[] = [];
  const conflicts: SyncConflict[] = [];
  const agreed = new Map<string, string>();
  for (const key of keys) {
    const all = [...bySite].map(([site, map]) => ({ site, item: map.get(key) }));
    const name = all.find((f) => f.item)?.item?.name ?? '';
    const found = options.apart ? all.filter((f) => options.apart?.(f.site, name) !== true) : all;
    const conflict = (site: string, code: string, reason: string): void => void conflicts.push({ site, kind: driver.kind, key, code, reason });
    const unfit = found.find((f) => f.item?.unfit !== undefined);
    if (unfit) {
      conflict(unfit.site, 'GW_SYNC_UNFIT', unfit.item?.unfit ?? '');
      continue;
    }
    const decided = options.source === 'agreement' ? byAgreement(key, found, baseline, options.delete) : bySource(key, found, options);
    if ('conflict' in decided) {
      conflict(decided.site, decided.code ?? 'GW_SYNC_CONFLICT', decided.conflict);
      continue;
    }
    let stands = true;
    const wanted = decided.wanted;
    for (const { site, item } of found) {
      if (wanted === undefined) {
        if (item) actions.push({ site, kind: driver.kind, key, action: 'delete', present: item });
      } else if (!item) actions.push({ site, kind: driver.kind, key, action: 'create', wanted });
      else if (canonical(item.spec) !== canonical(wanted.spec)) {
        const fixed = driver.immutable(item.spec, wanted.spec);
        if (fixed === undefined) actions.push({ site, kind: driver.kind, key, action: 'update', wanted, present: item });
        else {
          conflict(site, 'GW_SYNC_CONFLICT', fixed);
          stands = false;
        }
      }
    }
    if (wanted !== undefined && stands) agreed.set(key, digestOf(wanted.spec));
  }
  return { actions, conflicts, agreed, gone: [...baseline.keys()].filter((k) => k.startsWith(`${driver.kind} `) && !agreed.has(k) && !keys.has(k)) };
}

type Found = readonly { readonly site: string; readonly item: Item | undefined }[];
/** `wanted: undefined`: it is to go. */
type Decision = { readonly wanted: Item | undefined } | { readonly conflict: string; readonly site: string; readonly code?: 'GW_SYNC_EXTRA' };

const leave = (found: Found): Decision => ({ wanted: found.find((f) => f.item)?.item });

function bySource(key: string, found: Found, options: DiffOptions): Decision {
  const right = found.find((f) => f.site === options.source);
  if (right?.item) return { wanted: right.item };
  // Not at the source: made at the other site by somebody, or once brought there and now gone at the source.
  const extra = found.find((f) => f.item);
  if (!options.baseline.has(key)) return { conflict: `it is not at ${options.source}, and did not come from there; it is left alone`, site: extra?.site ?? '', code: 'GW_SYNC_EXTRA' };
  if (!options.delete) return { conflict: `it is gone at ${options.source}; the policy does not delete`, site: extra?.site ?? '' };
  return { wanted: undefined };
}

/** Whoever differs from what was last agreed has changed it. */
function byAgreement(key: string, found: Found, baseline: ReadonlyMap<string, string>, mayDelete: boolean): Decision {
  const before = baseline.get(key);
  const there = found.flatMap((f) => (f.item ? [{ site: f.site, item: f.item, digest: digestOf(f.item.spec) }] : []));
  const absent = found.filter((f) => !f.item);
  const versions = new Set(there.map((t) => t.digest));
  if (before === undefined) {
    if (versions.size === 1) return leave(found);
    return { conflict: `${there.map((t) => t.site).join(' and ')} have different ones, and it is not known which is older: make them alike, or name a source`, site: there[0]?.site ?? '' };
  }
  const changed = there.filter((t) => t.digest !== before);
  const changes = new Set(changed.map((t) => t.digest));
  if (changes.size > 1) return { conflict: `${changed.map((t) => t.site).join(' and ')} have both changed it since they last agreed`, site: changed[0]?.site ?? '' };
  if (changes.size === 1 && absent.length > 0) return { conflict: `${changed[0]?.site ?? ''} has changed it, and ${absent.map((a) => a.site).join(', ')} has deleted it since they last agreed`, site: changed[0]?.site ?? '' };
  if (changed[0]) return { wanted: changed[0].item };
  if (absent.length > 0) {
    return mayDelete ? { wanted: undefined } : { conflict: `${absent.map((a) => a.site).join(', ')} has deleted it; the policy does not delete`, site: absent[0]?.site ?? '' };
  }
  return leave(found);
}

/** For a person: each field as it is and as it will be. Lists show only what comes and goes. */
export function fieldChanges(action: Action): { field: string; from?: string; to?: string }[] {
  const { present, wanted } = action;
  const fields = new Set([...Object.keys(present?.spec ?? {}), ...Object.keys(wanted?.spec ?? {})]);
  return [...fields].flatMap((field) => {
    const [a, b] = [present?.spec[field], wanted?.spec[field]];
    if (a !== undefined && b !== undefined && canonical(a) === canonical(b)) return [];
    if (Array.isArray(a) && Array.isArray(b)) {
      const [have, want] = [new Set(a.map(canonical)), new Set(b.map(canonical))];
      const less = [...have].filter((x) => !want.has(x));
      const more = [...want].filter((x) => !have.has(x));
      return [{ field, ...(less.length > 0 ? { from: less.join(' ') } : {}), ...(more.length > 0 ? { to: more.join(' ') } : {}) }];
    }
    return [{ field, ...(a === undefined ? {} : { from: canonical(a) }), ...(b === undefined ? {} : { to: canonical(b) }) }];
  });
}
