import { canonical, type Row } from '../world/canonical.ts';
import { everyRow } from '../world/catalogue.ts';
import { siteRows, told } from '../world/inventory.ts';
import { owned } from '../world/ownership.ts';
import { canonicalOf, type Unit, vnisOf } from '../world/unit.ts';
import type { Lane } from './lane.ts';

/** How things are at rest: what the sites hold, what the catalogue says. In words that are the same for all units. */
export interface Rest {
  readonly sites: readonly string[];
  readonly catalogue: readonly string[];
}

export interface WholeRest {
  readonly of: ReadonlyMap<Unit, Rest>;
  /** What is nobody's, or everybody's. */
  readonly rest: Rest;
}

export async function restOf(lane: Lane, url: string, units: readonly Unit[], jobs: ReadonlyMap<string, Unit> = new Map()): Promise<WholeRest> {
  const catalogue = await everyRow(lane.database, url);
  const isRow = new Set<Row>(catalogue);
  const { of, rest } = owned([...siteRows(lane.sites.emulator).map(told), ...catalogue], units, jobs);
  const words = (rows: readonly Row[], say: (row: Row) => string): Rest => ({
    sites: rows.filter((r) => !isRow.has(r)).map(say).sort(),
    catalogue: rows.filter((r) => isRow.has(r)).map(say).sort(),
  });
  const wordsOf = (unit: Unit, rows: readonly Row[]): Rest => {
    const vnis = vnisOf(rows);
    return words(rows, (row) => canonicalOf(unit, row, vnis));
  };
  return { of: new Map([...of].map(([unit, rows]) => [unit, wordsOf(unit, rows)])), rest: words(rest, canonical) };
}
