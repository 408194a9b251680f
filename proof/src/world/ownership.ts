import type { Row } from './canonical.ts';
import type { Unit } from './unit.ts';

const ids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Whose rows are whose; `undefined`: of nobody, or of all. */
export interface Owned {
  readonly of: ReadonlyMap<Unit, readonly Row[]>;
  readonly rest: readonly Row[];
}

/**
 * Tells the units' rows apart: a unit's are those that have its name in them, or the id of a row that is the unit's already. `known`:
 * ids of which it is known (jobs).
 */
export function owned(rows: readonly Row[], units: readonly Unit[], known: ReadonlyMap<string, Unit> = new Map()): Owned {
  const byName = new Map(units.map((u) => [u.name, u]));
  const names = /\bu\d\d+\b/g;
  const owner = new Map(known);
  const of = new Map<Unit, Row[]>(units.map((u) => [u, []]));
  let left = rows.map((row) => ({ row, text: JSON.stringify(row) }));
  // A chain (server, its volume, that one's backup) is followed as long as it leads on.
  for (;;) {
    const before = left.length;
    left = left.filter(({ row, text }) => {
      const name = text.match(names)?.find((n) => byName.has(n));
      const unit = name === undefined ? text.match(ids)?.map((id) => owner.get(id)).find((u) => u !== undefined) : byName.get(name);
      if (unit === undefined) return true;
      of.get(unit)?.push(row);
      if (typeof row['id'] === 'string') owner.set(row['id'], unit);
      return false;
    });
    if (left.length === before || left.length === 0) return { of, rest: left.map((l) => l.row) };
  }
}
