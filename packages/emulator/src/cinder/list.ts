import { badRequest, notFound } from '../errors.ts';
import type { Answer, Json } from '../http/service.ts';
import { ok } from '../http/service.ts';
import type { CinderCall } from './common.ts';

const MOST = 1000;

const controls = new Set(['all_tenants', 'all_projects', 'project_id', 'limit', 'marker', 'offset', 'sort', 'sort_key', 'sort_dir', 'with_count', 'list_volume', 'detail', 'is_public']);

interface ListOptions<T> {
  readonly key: string;
  readonly what: string;
  readonly items: Iterable<T>;
  readonly view: (item: T) => Json;
  /** By name of the query's field. */
  readonly filters?: Readonly<Record<string, (item: T, value: string) => boolean>>;
  /** Only the project's, unless an administrator asks for all. Absent: nobody's. */
  readonly projectOf?: (item: T) => string;
  readonly createdAt: (item: T) => number;
}

/** A list as Cinder gives it: the newest first, by pages, with `<key>_links` to the next one. */
export function list<T extends { readonly id: string }>(call: CinderCall, options: ListOptions<T>): Answer {
  const { query, token } = call;
  const all = token.admin && isTrue(query.get('all_tenants') ?? query.get('all_projects'));
  const project = all ? query.get('project_id') : token.projectId;
  let items = [...options.items];
  if (options.projectOf && project !== null) items = items.filter((item) => options.projectOf?.(item) === project);
  for (const [name, value] of query) {
    const filter = options.filters?.[name];
    if (filter) items = items.filter((item) => filter(item, value));
    // An administrator's filters are the database's columns: of one that is not there nothing is found. Others' are ignored.
    else if (token.admin && !controls.has(name)) items = [];
  }
  // Of one moment, the one that was made later comes first: they came into the map in that order.
  items.reverse();
  items.sort((a, b) => options.createdAt(b) - options.createdAt(a));
  if (/:?asc$/.test(query.get('sort') ?? '') || query.get('sort_dir') === 'asc') items.reverse();
  const count = items.length;
  const { page, next } = pageOf(items, query, options.what);
  const body: Json = { [options.key]: page.map((item) => options.view(item)) };
  if (next !== undefined) {
    const search = new URLSearchParams(query);
    search.set('marker', next);
    body[`${options.key}_links`] = [{ rel: 'next', href: `${call.root}/v3/${token.projectId ?? ''}${call.path}?${search.toString()}` }];
  }
  if (call.micro >= 45 && isTrue(query.get('with_count'))) body['count'] = count;
  return ok(body);
}

function pageOf<T extends { readonly id: string }>(items: readonly T[], query: URLSearchParams, what: string): { page: readonly T[]; next: string | undefined } {
  const limit = number(query, 'limit') ?? MOST;
  let from = number(query, 'offset') ?? 0;
  const marker = query.get('marker');
  if (marker !== null && marker !== '') {
    const at = items.findIndex((item) => item.id === marker);
    if (at < 0) throw notFound(`${what} ${marker} could not be found.`);
    from += at + 1;
  }
  const page = items.slice(from, from + Math.min(limit, MOST));
  const last = page.at(-1);
  return { page, next: last && from + page.length < items.length ? last.id : undefined };
}

function number(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^\d+$/.test(value)) throw badRequest(`${name} param must be an integer`);
  return Number(value);
}

export const isTrue = (value: string | null): boolean => value !== null && /^(true|1|t|on|y|yes)$/i.test(value);

/** A filter like `metadata={'key': 'value'}`, in Python's or JSON's way. */
export function hasMetadata(metadata: Readonly<Record<string, string>>, value: string): boolean {
  let wanted: unknown;
  try {
    wanted = JSON.parse(value.replaceAll("'", '"'));
  } catch {
    return false;
  }
  return typeof wanted === 'object' && wanted !== null && Object.entries(wanted).every(([k, v]) => metadata[k] === String(v));
}
