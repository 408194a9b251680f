import type { ProjectRef, Site } from '@godwit/sites';
import type { Names } from '../project.ts';
import type { Mapping } from './mapping.ts';

export const syncKinds = ['address-groups', 'security-groups', 'flavors', 'keypairs', 'server-groups'] as const;
export type SyncKind = (typeof syncKinds)[number];

/** What of a site is looked at. */
export interface Scope {
  readonly site: Site;
  readonly names: Names;
  readonly projects: readonly ProjectRef[];
  readonly users: readonly ProjectRef[];
  readonly selection: Selection;
  readonly mapping: Mapping;
  /** What this site lacks is deleted elsewhere: what cannot be asked for here must not read as "there is none". */
  readonly measure?: boolean;
  readonly signal?: AbortSignal;
}

/** Left out: all. */
export interface Selection {
  /** Names; `*` stands for anything. */
  readonly names?: readonly string[] | undefined;
  /** One of them is enough; only for what can have tags. */
  readonly tags?: readonly string[] | undefined;
  /** Instead of both, for the kinds that it has: names as they are, not patterns. */
  readonly exact?: Partial<Record<SyncKind, readonly string[]>> | undefined;
}

export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
export type Spec = Readonly<Record<string, Value>>;

/** One resource as it is at a site, without what is the site's own (ids, times). */
export interface Item {
  readonly kind: SyncKind;
  /** The same at every site: whose it is, and its name. */
  readonly key: string;
  readonly owner: ProjectRef | undefined;
  readonly name: string;
  readonly id: string;
  readonly spec: Spec;
  /** Why it cannot be compared or copied: two of one name, a rule that points outside. */
  readonly unfit?: string;
}

/** One change to be made at a site. `wanted` is left out for a deletion, `present` for a creation. */
export interface Action {
  readonly site: string;
  readonly kind: SyncKind;
  readonly key: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly wanted?: Item;
  readonly present?: Item;
}

/** How one kind of resource is read and changed. */
export interface Driver {
  readonly kind: SyncKind;
  readonly list: (scope: Scope) => Promise<Item[]>;
  /** Why `present` cannot be made like `wanted` in place; undefined when it can. */
  readonly immutable: (present: Spec, wanted: Spec) => string | undefined;
  /** Evens out what a site cannot have, so that it is no difference. Items by site; `source` is a site, or `agreement`. */
  readonly level?: (items: ReadonlyMap<string, readonly Item[]>, scopes: ReadonlyMap<string, Scope>, source: string) => Promise<ReadonlyMap<string, readonly Item[]>>;
  /** Why an item can never be made at a site; undefined when it can. */
  readonly impossible?: (scope: Scope, wanted: Item) => Promise<string | undefined>;
  /** Makes the changes at one site, in an order that works. Each tells its outcome by `done`. Bears being done twice. */
  readonly apply: (scope: Scope, actions: readonly Action[], done: Done) => Promise<void>;
}

export type Done = (action: Action, error?: unknown) => void;

/** Runs each action, so that one that fails does not stop the others. */
export async function each(actions: readonly Action[], done: Done, run: (action: Action) => Promise<void>, limit = 4): Promise<void> {
  const left = [...actions];
  await Promise.all(
    Array.from({ length: Math.min(limit, left.length) }, async () => {
      for (let action = left.shift(); action; action = left.shift()) {
        try {
          await run(action);
          done(action);
        } catch (error) {
          done(action, error);
        }
      }
    }),
  );
}

export function chosen(selection: Selection, kind: SyncKind, name: string, tags?: readonly string[]): boolean {
  const exact = selection.exact?.[kind];
  return exact ? exact.includes(name) : selected(selection, name, tags);
}

export function selected(selection: Selection, name: string, tags?: readonly string[]): boolean {
  if (selection.names !== undefined && !selection.names.some((pattern) => glob(pattern, name))) return false;
  return selection.tags === undefined || tags === undefined || selection.tags.some((t) => tags.includes(t));
}

export function glob(pattern: string, name: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${source}$`, 's').test(name);
}

/** Two resources of one owner and name cannot be told apart at another site. */
export function markTwins(items: readonly Item[]): Item[] {
  const count = new Map<string, number>();
  for (const item of items) count.set(item.key, (count.get(item.key) ?? 0) + 1);
  const out = new Map<string, Item>();
  for (const item of items) {
    const n = count.get(item.key) ?? 0;
    out.set(item.key, n > 1 ? { ...item, unfit: `${n} of them have the name ${item.name}` } : item);
  }
  return [...out.values()];
}
