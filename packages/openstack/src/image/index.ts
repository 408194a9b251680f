import { listEnvelope } from '../envelope.ts';
import type { Readable } from 'node:stream';
import * as z from 'zod';
import { maybe, orElse } from '../fields.ts';
import { iterate, listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { BodySource, CallOptions, Query } from '../types.ts';

export const imageSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  /** queued, saving, active, killed, deleted, deactivated, importing … */
  status: z.string(),
  visibility: maybe(z.string()),
  protected: maybe(z.boolean()),
  owner: z.string().nullish(),
  /** Bytes; null until it has data. */
  size: z.number().nullish(),
  virtual_size: z.number().nullish(),
  disk_format: z.string().nullish(),
  container_format: z.string().nullish(),
  /** GiB. */
  min_disk: orElse(z.number(), 0),
  /** MiB. */
  min_ram: orElse(z.number(), 0),
  /** MD5, for old times' sake. */
  checksum: z.string().nullish(),
  /** `sha512` unless the site chose otherwise. */
  os_hash_algo: z.string().nullish(),
  os_hash_value: z.string().nullish(),
  os_hidden: maybe(z.boolean()),
  tags: orElse(z.array(z.string()), []),
  created_at: maybe(z.string()),
  updated_at: maybe(z.string()),
});
export type Image = z.infer<typeof imageSchema>;

export interface ImageCreate {
  readonly name: string;
  readonly disk_format?: string;
  readonly container_format?: string;
  readonly visibility?: 'private' | 'shared' | 'community' | 'public';
  readonly id?: string;
  readonly tags?: readonly string[];
  readonly min_disk?: number;
  readonly min_ram?: number;
  readonly protected?: boolean;
  readonly os_hidden?: boolean;
  /** Anything else is a property: `hw_qemu_guest_agent: 'yes'`. */
  readonly [property: string]: unknown;
}

/** One operation of a JSON patch. `path` begins with a slash. */
export interface ImagePatch {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

export const imageMemberSchema = z.looseObject({
  image_id: z.string(),
  /** A project. */
  member_id: z.string(),
  /** pending, accepted, rejected: whether the project shows it in its own list. */
  status: z.string(),
});
export type ImageMember = z.infer<typeof imageMemberSchema>;

export const imageTaskSchema = z.looseObject({ id: z.string(), type: maybe(z.string()), status: z.string(), message: z.string().nullish(), created_at: maybe(z.string()) });
/** What Glance does by itself with an image, an import say: pending, processing, success, failure. */
export type ImageTask = z.infer<typeof imageTaskSchema>;

export interface ImageDownload {
  readonly stream: Readable;
  /** Where the stream begins: what was asked for, or 0 where the service does not know of ranges. */
  readonly from: number;
  /** Bytes of this answer, if the service says. */
  readonly size?: number;
  /** MD5 in hexadecimal, if the service says. For the real hash see os_hash_value of the image, and `checked`. */
  readonly md5?: string;
}

/** Images (Glance). */
export function createImage(service: Service) {
  const listRequest = (query: Query) => ({ path: '/images', key: 'images', item: imageSchema, query, pageSize: 500 });
  const path = (id: string): string => `/images/${seg(id)}`;
  return {
    /** Filters by name, tag, visibility, os_hidden, owner, status and any property; `limit`: the most it returns. */
    list: (query: Query = {}, options?: CallOptions): Promise<Image[]> => listAll(service, listRequest(query), options),
    iterate: (query: Query = {}, options?: CallOptions): AsyncGenerator<Image> => iterate(service, listRequest(query), options),
    get: async (id: string, options?: CallOptions): Promise<Image> => service.json({ method: 'GET', path: path(id) }, imageSchema, options),
    /** The record only, `queued` until `upload` or `import` gives it data. */
    create: (body: ImageCreate, options?: CallOptions): Promise<Image> => service.json({ method: 'POST', path: '/images', body }, imageSchema, options),
    /** Streams; sent once, never repeated. `size` in bytes spares chunked encoding. */
    upload: async (id: string, body: BodySource, size?: number, options?: CallOptions): Promise<void> => {
      const headers = { 'content-type': 'application/octet-stream', ...(size === undefined ? {} : { 'content-length': String(size) }) };
      await service.send({ method: 'PUT', path: `${path(id)}/file`, stream: body, headers }, options);
    },
    /** Streams, from byte `from` on. The reader must read it to its end or destroy it. OS_BAD_RESPONSE for an image without data. */
    download: async (id: string, { from = 0, ...options }: CallOptions & { readonly from?: number } = {}): Promise<ImageDownload> => {
      const headers = { accept: 'application/octet-stream', ...(from > 0 ? { range: `bytes=${from}-` } : {}) };
      const response = await service.stream({ method: 'GET', path: `${path(id)}/file`, headers }, options);
      const size = Number(response.headers['content-length'] ?? NaN);
      const md5 = response.headers['content-md5'];
      const begins = response.status === 206 ? Number(/^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1] ?? NaN) : 0;
      return { stream: response.stream, from: Number.isNaN(begins) ? 0 : begins, ...(Number.isNaN(size) ? {} : { size }), ...(md5 ? { md5 } : {}) };
    },
    update: async (id: string, patch: readonly ImagePatch[], options?: CallOptions): Promise<Image> =>
      service.json({ method: 'PATCH', path: path(id), body: patch, headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' } }, imageSchema, options),
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: path(id) }, options);
    },
    addTag: async (id: string, tag: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'PUT', path: `${path(id)}/tags/${seg(tag)}` }, options);
    },
    deleteTag: async (id: string, tag: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `${path(id)}/tags/${seg(tag)}` }, options);
    },
    /** Interoperable import: `{ name: 'glance-download', glance_region, glance_image_id }`. Accepted, not done. */
    import: async (id: string, method: { readonly name: string; readonly [field: string]: unknown }, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `${path(id)}/import`, body: { method } }, options);
    },
    /** What became of its imports, to whoever may see them. */
    tasks: async (id: string, options?: CallOptions): Promise<ImageTask[]> =>
      (await service.json({ method: 'GET', path: `${path(id)}/tasks` }, listEnvelope('tasks', imageTaskSchema), options)).tasks,
    /** Projects that it is shared with; only of one whose visibility is `shared`. */
    members: {
      list: async (id: string, options?: CallOptions): Promise<ImageMember[]> =>
        (await service.json({ method: 'GET', path: `${path(id)}/members` }, listEnvelope('members', imageMemberSchema), options)).members,
      add: (id: string, project: string, options?: CallOptions): Promise<ImageMember> =>
        service.json({ method: 'POST', path: `${path(id)}/members`, body: { member: project } }, imageMemberSchema, options),
      /** For the member itself, and administrators. */
      setStatus: (id: string, project: string, status: 'pending' | 'accepted' | 'rejected', options?: CallOptions): Promise<ImageMember> =>
        service.json({ method: 'PUT', path: `${path(id)}/members/${seg(project)}`, body: { status } }, imageMemberSchema, options),
      remove: async (id: string, project: string, options?: CallOptions): Promise<void> => {
        await service.send({ method: 'DELETE', path: `${path(id)}/members/${seg(project)}` }, options);
      },
    },
    /** The import methods that the site allows. */
    importMethods: async (options?: CallOptions): Promise<string[]> => {
      const schema = z.looseObject({ 'import-methods': z.looseObject({ value: z.array(z.string()) }) });
      return (await service.json({ method: 'GET', path: '/info/import' }, schema, options))['import-methods'].value;
    },
  };
}
export type ImageApi = ReturnType<typeof createImage>;
