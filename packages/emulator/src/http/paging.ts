import { badRequest } from '../errors.ts';

/** One page of a list by `marker` (the last id of the page before) and `limit`. */
export function pageOf<T>(items: readonly T[], query: URLSearchParams, idOf: (item: T) => string, most = 1000): { readonly page: readonly T[]; readonly next: string | undefined } {
  const limitText = query.get('limit');
  if (limitText !== null && !/^\d+$/.test(limitText)) throw badRequest(`limit param must be an integer`);
  const limit = Math.min(limitText === null ? most : Number(limitText), most);
  const marker = query.get('marker');
  let from = 0;
  if (marker !== null && marker !== '') {
    const at = items.findIndex((item) => idOf(item) === marker);
    if (at < 0) throw badRequest(`marker [${marker}] not found`);
    from = at + 1;
  }
  const page = from === 0 && items.length <= limit ? items : items.slice(from, from + limit);
  const last = page.at(-1);
  return { page, next: last !== undefined && from + page.length < items.length ? idOf(last) : undefined };
}

/** The query of the next page. */
export function nextQuery(query: URLSearchParams, marker: string): string {
  const next = new URLSearchParams(query);
  next.set('marker', marker);
  return next.toString();
}
