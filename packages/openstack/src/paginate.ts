import { listEnvelope } from './envelope.ts';
import * as z from 'zod';
import { isOpenStackError, OpenStackError } from './errors.ts';
import { queryString, type Service } from './service.ts';
import type { VersionWish } from './session/microversion.ts';
import type { CallOptions, Query } from './types.ts';

export interface ListRequest<S extends z.ZodType> {
  readonly path: string;
  /** Name of the list in the answer: `volumes`. */
  readonly key: string;
  readonly item: S;
  /** `limit` in it is the size of a page to `iterate`, and also the most that `listAll` returns. */
  readonly query?: Query;
  /** Size of a page when the query has none. */
  readonly pageSize?: number;
  readonly version?: VersionWish;
}

/** Errors that say that the list was changed while it was read: what the next page begins behind is gone. */
const overtaken = new WeakSet<object>();
const READS = 3;

const page = z.looseObject({});
const link = z.looseObject({ rel: z.string(), href: z.string() });

/**
 * All items of a list, page by page. The service says whether there is another page: `volumes_links` (Nova, Cinder, Neutron), `next` (Glance) or
 * `links.next` (Keystone). Only the query of that link is used: behind a proxy its host is often one we cannot reach.
 */
export async function* iterate<S extends z.ZodType>(service: Service, request: ListRequest<S>, options: CallOptions = {}): AsyncGenerator<z.output<S>, void, undefined> {
  const schema = listEnvelope(request.key, request.item);
  const seen = new Set<string>();
  let search: string | undefined = queryString({ ...(request.pageSize === undefined ? {} : { limit: request.pageSize }), ...request.query });
  while (search !== undefined) {
    seen.add(search);
    const asked: string = search;
    const body: Record<string, unknown> = await service.json(
      { method: 'GET', path: `${request.path}${asked}`, ...(request.version ? { version: request.version } : {}) },
      schema,
      options,
    ).catch((error: unknown) => {
      if (isOpenStackError(error) && (error.status === 400 || error.status === 404) && /[?&]marker=/.test(asked)) overtaken.add(error);
      throw error;
    });
    yield* body[request.key] as z.output<S>[];
    search = nextSearch(body);
    // Keystone's list_limit: a list that looks complete and is not.
    if (search === undefined && body['truncated'] === true) {
      throw new OpenStackError({ code: 'OS_BAD_RESPONSE', kind: 'terminal', service: service.type, method: 'GET', path: request.path, message: `${service.type}: GET ${request.path}: the service cuts the list short (list_limit of the service): ask for less, by name for example` });
    }
    if (search !== undefined && seen.has(search)) {
      const error = new OpenStackError({ code: 'OS_BAD_RESPONSE', kind: 'terminal', service: service.type, method: 'GET', path: request.path, message: `${service.type}: GET ${request.path}: the service names a page as the next one that was already read, so the list cannot be completed` });
      overtaken.add(error);
      throw error;
    }
  }
}

/**
 * Pages are counted from the last item of the one before. When somebody deletes just that, Nova, Cinder and Neutron refuse, and Glance begins anew:
 * then all is read again, and what comes twice is kept once.
 */
export async function listAll<S extends z.ZodType>(service: Service, request: ListRequest<S>, options: CallOptions = {}): Promise<z.output<S>[]> {
  const most = Number(request.query?.['limit'] ?? Infinity);
  if (most <= 0) return [];
  for (let read = 1; ; read++) {
    try {
      const items = new Map<unknown, z.output<S>>();
      for await (const item of iterate(service, request, options)) {
        items.set(idOf(item) ?? items.size, item);
        if (items.size >= most) break;
      }
      return [...items.values()];
    } catch (error) {
      if (read >= READS || !overtaken.has(error as object)) throw error;
    }
  }
}

const idOf = (item: unknown): string | undefined => {
  const { id } = (item ?? {}) as { readonly id?: unknown };
  return typeof id === 'string' ? id : undefined;
};

function nextSearch(body: Record<string, unknown>): string | undefined {
  const href = nextHref(body);
  if (href === undefined) return undefined;
  const start = href.indexOf('?');
  return start < 0 ? '' : href.slice(start);
}

function nextHref(body: Record<string, unknown>): string | undefined {
  if (typeof body['next'] === 'string') return body['next'];
  const links = page.safeParse(body['links']);
  if (links.success && typeof links.data['next'] === 'string') return links.data['next'];
  for (const [key, value] of Object.entries(body)) {
    if (!key.endsWith('_links') || !Array.isArray(value)) continue;
    for (const entry of value) {
      const parsed = link.safeParse(entry);
      if (parsed.success && parsed.data.rel === 'next') return parsed.data.href;
    }
  }
  return undefined;
}
