import type { Readable } from 'node:stream';
import * as z from 'zod';
import { maybe } from '../fields.ts';
import { seg, type Service } from '../service.ts';
import type { BodySource, CallOptions } from '../types.ts';

export const containerSchema = z.looseObject({ name: z.string(), count: z.number(), bytes: z.number() });
export type Container = z.infer<typeof containerSchema>;

export const objectEntrySchema = z.looseObject({ name: maybe(z.string()), subdir: maybe(z.string()), bytes: maybe(z.number()), hash: maybe(z.string()), content_type: maybe(z.string()), last_modified: maybe(z.string()) });
export type ObjectEntry = z.infer<typeof objectEntrySchema>;

export interface ObjectInfo {
  /** Bytes. */
  readonly size: number;
  /** MD5 in hexadecimal (of the parts' hashes, for a large object). */
  readonly etag?: string;
  readonly contentType?: string;
  readonly lastModified?: Date;
  /** The owner's, from `X-Object-Meta-…`, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ObjectPut {
  /** Bytes of a streamed body, if known. */
  readonly size?: number;
  readonly contentType?: string;
  /** MD5 in hexadecimal: the store refuses (422) what arrived otherwise. */
  readonly etag?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Only if there is no such object yet (412 otherwise, as OS_BAD_REQUEST). */
  readonly ifNoneMatch?: '*';
}

const PAGE = 10_000;

/** Objects (Swift, or the Ceph gateway's likeness of it). */
export function createObjectStore(service: Service) {
  const containerPath = (container: string): string => `/${seg(container)}`;
  // Slashes are part of an object's name and of its address.
  const objectPath = (container: string, name: string): string => `${containerPath(container)}/${name.split('/').map((part) => (part === '' ? '' : seg(part))).join('/')}`;

  async function* pages<S extends z.ZodType>(path: string, item: S, nameOf: (entry: z.output<S>) => string | undefined, query: Record<string, string | undefined>, options?: CallOptions) {
    for (let marker: string | undefined = undefined; ; ) {
      const entries: z.output<S>[] = await service.json({ method: 'GET', path, query: { format: 'json', limit: PAGE, ...query, marker } }, z.array(item), options);
      yield* entries;
      const last = entries.at(-1);
      const next: string | undefined = last === undefined ? undefined : nameOf(last);
      // Names come in order: one that does not go on would be the same page again.
      if (next === undefined || entries.length < PAGE || (marker !== undefined && next <= marker)) return;
      marker = next;
    }
  }
  const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
    const list: T[] = [];
    for await (const item of items) list.push(item);
    return list;
  };

  return {
    containers: {
      list: (query: { readonly prefix?: string } = {}, options?: CallOptions): Promise<Container[]> =>
        all(pages('', containerSchema, (entry) => entry.name, { prefix: query.prefix }, options)),
      /** One that is there already stays as it is. */
      create: async (container: string, headers: Readonly<Record<string, string>> = {}, options?: CallOptions): Promise<void> => {
        await service.send({ method: 'PUT', path: containerPath(container), headers }, options);
      },
      /** Must be empty (409). */
      delete: async (container: string, options?: CallOptions): Promise<void> => {
        await service.send({ method: 'DELETE', path: containerPath(container) }, options);
      },
    },
    objects: {
      list: async (container: string, query: { readonly prefix?: string; readonly delimiter?: string } = {}, options?: CallOptions): Promise<ObjectEntry[]> =>
        all(pages(containerPath(container), objectEntrySchema, (entry) => entry.name ?? entry.subdir, { prefix: query.prefix, delimiter: query.delimiter }, options)),
      put: async (container: string, name: string, body: BodySource, put: ObjectPut = {}, options?: CallOptions): Promise<void> => {
        const size = body instanceof Uint8Array ? body.length : put.size;
        const headers: Record<string, string> = { 'content-type': put.contentType ?? 'application/octet-stream' };
        if (size !== undefined) headers['content-length'] = String(size);
        if (put.etag !== undefined) headers['etag'] = put.etag;
        if (put.ifNoneMatch !== undefined) headers['if-none-match'] = put.ifNoneMatch;
        for (const [key, value] of Object.entries(put.metadata ?? {})) headers[`x-object-meta-${key}`] = value;
        await service.send({ method: 'PUT', path: objectPath(container, name), stream: body, headers }, options);
      },
      /** Streams. The reader must read it to its end or destroy it. */
      get: async (container: string, name: string, options?: CallOptions): Promise<ObjectInfo & { readonly stream: Readable }> => {
        const response = await service.stream({ method: 'GET', path: objectPath(container, name), headers: { accept: '*/*' } }, options);
        return { ...infoOf(response.headers), stream: response.stream };
      },
      head: async (container: string, name: string, options?: CallOptions): Promise<ObjectInfo> =>
        infoOf((await service.send({ method: 'HEAD', path: objectPath(container, name), headers: { accept: '*/*' } }, options)).headers),
      delete: async (container: string, name: string, options?: CallOptions): Promise<void> => {
        await service.send({ method: 'DELETE', path: objectPath(container, name) }, options);
      },
    },
  };
}
export type ObjectStoreApi = ReturnType<typeof createObjectStore>;

function infoOf(headers: Readonly<Record<string, string>>): ObjectInfo {
  const etag = headers['etag']?.replaceAll('"', '');
  const modified = headers['last-modified'];
  const metadata = Object.entries(headers).flatMap(([key, value]) => (key.startsWith('x-object-meta-') ? [[key.slice('x-object-meta-'.length), value] as const] : []));
  return {
    size: Number(headers['content-length'] ?? 0),
    ...(etag ? { etag } : {}),
    ...(headers['content-type'] ? { contentType: headers['content-type'] } : {}),
    ...(modified ? { lastModified: new Date(modified) } : {}),
    metadata: Object.fromEntries(metadata),
  };
}
