import type { Answer, Json } from '../http/service.ts';
import type { NeutronCall } from './common.ts';
import { isControl, list, pageOf } from './list.ts';

interface Row {
  readonly id: string;
  readonly projectId: string;
}

export interface ManyOptions<T extends Row> {
  readonly plural: string;
  readonly known: readonly string[];
  readonly sees: (row: T) => boolean;
  readonly view: (row: T) => Json;
  /** Fields that are had without making the whole view, `id` among them. */
  readonly brief: Readonly<Record<string, (row: T) => unknown>>;
}

/**
 * The same answer as `list` gives, for a collection that may have ten thousands: only the rows of the page are made, and rows are not sorted anew for each page.
 * What filters by more than the brief fields goes the long way.
 */
export function listMany<T extends Row>(call: NeutronCall, rows: ReadonlyMap<string, T>, options: ManyOptions<T>): Answer {
  const { query } = call;
  const { brief, view, sees, plural, known } = options;
  const filters = [...new Set(query.keys())].filter((key) => !isControl(key));
  const brieflyFiltered = filters.every((key) => key in brief) && !['tags', 'tags-any', 'not-tags', 'not-tags-any', 'sort_key'].some((key) => query.has(key));
  if (!brieflyFiltered) return list(call, plural, [...rows.values()].filter(sees).map(view), known);
  const wanted = filters.map((key) => ({ value: brief[key] as (row: T) => unknown, among: new Set(query.getAll(key)) }));
  const fits = (row: T): boolean => sees(row) && wanted.every(({ value, among }) => among.has(String(value(row) ?? '')));
  const fields = query.getAll('fields');
  const made = (row: T): Json => (fields.length > 0 && fields.every((f) => f in brief) ? Object.fromEntries(fields.map((f) => [f, brief[f]?.(row)])) : view(row));
  return pageOf(call, plural, found(rows, query, fits), made);
}

function found<T extends Row>(rows: ReadonlyMap<string, T>, query: URLSearchParams, fits: (row: T) => boolean): T[] {
  const ids = query.has('id') ? [...new Set(query.getAll('id'))] : undefined;
  if (!query.has('limit')) return (ids ? ids.flatMap((id) => rows.get(id) ?? []) : [...rows.values()]).filter(fits);
  return (ids?.sort() ?? sorted(rows)).flatMap((id) => rows.get(id) ?? []).filter(fits);
}

const orders = new WeakMap<ReadonlyMap<string, unknown>, string[]>();

/** The ids in order; kept, and made again when others are there. */
function sorted(rows: ReadonlyMap<string, unknown>): readonly string[] {
  const kept = orders.get(rows);
  if (kept?.length === rows.size && kept.every((id) => rows.has(id))) return kept;
  const made = [...rows.keys()].sort();
  orders.set(rows, made);
  return made;
}
