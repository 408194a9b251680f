import { digestOf } from './diff.ts';
import { driverOf } from './drivers.ts';
import type { Item, Scope, SyncKind } from './types.ts';

/** What is needed of a resource to see whether it is the same elsewhere. */
export interface Entry {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly digest: string;
  /** It cannot be compared: see {@link Item.unfit}. */
  readonly unfit?: true;
}

/** Reads a site in two stages: what it takes to compare, and all of what differs. */
export interface Reader {
  entries(kind: SyncKind, scope: Scope): Promise<readonly Entry[]>;
  items(kind: SyncKind, scope: Scope, entries: readonly Entry[]): Promise<readonly Item[]>;
}

/** Reads everything, once. */
export function freshReader(): Reader {
  const read = new Map<string, Map<string, Item>>();
  return {
    async entries(kind, scope) {
      const items = await driverOf(kind).list(scope);
      read.set(`${scope.site.name} ${kind}`, new Map(items.map((i) => [i.key, i])));
      return items.map(entryOf);
    },
    items: (kind, scope, entries) => {
      const items = read.get(`${scope.site.name} ${kind}`);
      return Promise.resolve(entries.flatMap((e) => items?.get(e.key) ?? []));
    },
  };
}

export const entryOf = (item: Item): Entry => ({ id: item.id, key: item.key, name: item.name, digest: digestOf(item.spec), ...(item.unfit === undefined ? {} : { unfit: true as const }) });
