import { ok, type Answer, type Json } from '../http/service.ts';
import { bad, type NeutronCall } from './common.ts';

const controls = new Set(['limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir', 'fields', 'tags', 'tags-any', 'not-tags', 'not-tags-any']);

export const isControl = (key: string): boolean => controls.has(key);

/** A collection as Neutron lists it: any field filters, pages go by id. */
export function list(call: NeutronCall, plural: string, rows: readonly Json[], known: readonly string[]): Answer {
  const { query } = call;
  const odd = [...new Set(query.keys())].filter((k) => !controls.has(k) && !known.includes(k));
  if (odd.length > 0) throw bad(`[${odd.map((k) => `'${k}'`).join(', ')}] is invalid attribute for filtering`);
  let found = rows.filter((row) => fits(row, query));
  const limitText = query.get('limit');
  const sorts = query.getAll('sort_key');
  if (limitText !== null || sorts.length > 0) {
    const dirs = query.getAll('sort_dir');
    found = [...found].sort((a, b) => {
      for (const [n, key] of [...sorts, 'id'].entries()) {
        const [x, y] = [String(a[key] ?? ''), String(b[key] ?? '')];
        if (x !== y) return (x < y ? -1 : 1) * (dirs[n] === 'desc' ? -1 : 1);
      }
      return 0;
    });
  }
  return pageOf(call, plural, found as (Json & { readonly id: string })[], (row) => row);
}

/** The page of what was found, in order, that is asked for; only its rows are made. */
export function pageOf<T extends { readonly id: string }>(call: NeutronCall, plural: string, found: readonly T[], made: (row: T) => Json): Answer {
  const { query } = call;
  const limitText = query.get('limit');
  if (limitText === null) return ok({ [plural]: found.map((row) => only(made(row), query)) });
  if (!/^\d+$/.test(limitText)) throw bad(`Limit must be an integer 0 or greater and not '${limitText}'`);
  const limit = Number(limitText) || Infinity;
  const marker = query.get('marker');
  const from = marker === null ? 0 : found.findIndex((row) => row.id === marker) + 1;
  const page = found.slice(from, limit === Infinity ? undefined : from + limit);
  const links = [
    ...(page.length === limit ? [{ rel: 'next', href: href(call, page.at(-1)?.id, false) }] : []),
    { rel: 'previous', href: href(call, page[0]?.id, true) },
  ];
  return ok({ [plural]: page.map((row) => only(made(row), query)), [`${plural.replaceAll('-', '_')}_links`]: links });
}

function href(call: NeutronCall, at: string | undefined, back: boolean): string {
  const search = new URLSearchParams(call.query);
  search.delete('page_reverse');
  search.delete('marker');
  if (at !== undefined) search.set('marker', at);
  if (back) search.set('page_reverse', 'True');
  return `${call.root}/v2.0${call.path}?${search.toString()}`;
}

export function only(row: Json, query: URLSearchParams): Json {
  const fields = query.getAll('fields');
  return fields.length === 0 ? row : Object.fromEntries(Object.entries(row).filter(([k]) => fields.includes(k)));
}

function fits(row: Json, query: URLSearchParams): boolean {
  for (const key of new Set(query.keys())) {
    const values = query.getAll(key);
    if (key === 'tags' && !values.flatMap((v) => v.split(',')).every((t) => (row['tags'] as string[]).includes(t))) return false;
    if (key === 'tags-any' && !values.flatMap((v) => v.split(',')).some((t) => (row['tags'] as string[]).includes(t))) return false;
    if (controls.has(key)) continue;
    if (key === 'fixed_ips') {
      const ips = row['fixed_ips'] as { subnet_id: string; ip_address: string }[];
      const wanted = values.map((v) => v.split('='));
      if (!ips.some((ip) => wanted.every(([k = '', v = '']) => (k === 'ip_address_substr' ? ip.ip_address.includes(v) : ip[k as 'subnet_id'] === v)))) return false;
      continue;
    }
    if (key === 'security_groups') {
      if (!values.some((v) => (row[key] as string[]).includes(v))) return false;
      continue;
    }
    const is = row[key];
    if (!values.some((v) => (typeof is === 'boolean' ? String(is) === v.toLowerCase() : key === 'mac_address' ? String(is) === v.toLowerCase() : String(is ?? '') === v))) return false;
  }
  return true;
}
