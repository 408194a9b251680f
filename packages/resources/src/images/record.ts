import type { Image, ImagePatch } from '@godwit/openstack';
import type { ProjectRef } from '@godwit/sites';

/** Properties of ours on a clone. They are no part of the image: not compared, and never copied on. */
export const marks = {
  /** Id of the first image, of which all others are copies, near or far. */
  origin: 'godwit_origin',
  originSite: 'godwit_origin_site',
  /** On a copy that is not complete: the job that makes it. */
  job: 'godwit_clone_job',
} as const;

export interface ImageHash {
  readonly algorithm: string;
  readonly value: string;
}

export interface ImageMemberRef {
  readonly project: ProjectRef;
  readonly status: string;
}

/** All of an image that a site did not make by itself: what a clone must have. */
export interface ImageRecord {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly hash?: ImageHash;
  readonly diskFormat?: string;
  readonly containerFormat?: string;
  /** GiB. */
  readonly minDisk: number;
  /** MiB. */
  readonly minRam: number;
  readonly visibility: string;
  /** The visibility is only that of a copy that is made anew: one that is there keeps its own, and its members. */
  readonly keepsVisibility?: true;
  readonly protected: boolean;
  readonly hidden: boolean;
  readonly tags: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  /** Of one whose visibility is `shared`. */
  readonly members: readonly ImageMemberRef[];
  /** Id of the first of all its copies; its own, when it is the first. */
  readonly origin: string;
}

/** What a service writes itself, and what has a place of its own in the record. */
const NOT_PROPERTIES = new Set([
  'id', 'name', 'status', 'visibility', 'protected', 'owner', 'size', 'virtual_size', 'disk_format', 'container_format', 'min_disk', 'min_ram',
  'checksum', 'os_hash_algo', 'os_hash_value', 'os_hidden', 'tags', 'created_at', 'updated_at', 'self', 'file', 'schema', 'direct_url', 'locations', 'stores',
]);

export function propertiesOf(image: Image): Record<string, string> {
  return Object.fromEntries(
    Object.entries(image).flatMap(([key, value]) =>
      NOT_PROPERTIES.has(key) || key.startsWith('os_glance_') || key.startsWith('godwit_') || value === null || value === undefined ? [] : [[key, typeof value === 'string' ? value : JSON.stringify(value)]]),
  );
}

export function recordOf(image: Image, members: readonly ImageMemberRef[]): ImageRecord {
  const origin = image[marks.origin];
  return {
    id: image.id,
    name: image.name ?? '',
    size: image.size ?? 0,
    ...(image.os_hash_algo && image.os_hash_value ? { hash: { algorithm: image.os_hash_algo, value: image.os_hash_value } } : {}),
    ...(image.disk_format ? { diskFormat: image.disk_format } : {}),
    ...(image.container_format ? { containerFormat: image.container_format } : {}),
    minDisk: image.min_disk,
    minRam: image.min_ram,
    visibility: image.visibility ?? 'shared',
    protected: image.protected ?? false,
    hidden: image.os_hidden ?? false,
    tags: image.tags.toSorted(),
    properties: propertiesOf(image),
    members,
    origin: typeof origin === 'string' ? origin : image.id,
  };
}

/** What a member may not copy: a public image would be published at the other site in the member's name. */
export const visibilityFor = (visibility: string, admin: boolean): string => (visibility === 'public' && !admin ? 'private' : visibility);

const pointer = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The patch that makes `image` what `wanted` says, but for its data and its members; empty when it is so already. */
export function patchTo(image: Image, wanted: ImageRecord): ImagePatch[] {
  const patch: ImagePatch[] = [];
  const set = (path: string, now: unknown, then: unknown): void => {
    if (now !== then) patch.push({ op: 'replace', path, value: then });
  };
  const have: Record<string, unknown> = propertiesOf(image);
  for (const [key, value] of Object.entries(image)) if (key.startsWith('godwit_')) have[key] = value;
  const want: Record<string, string> = { ...wanted.properties, ...ownMarks(image, wanted) };
  for (const [key, value] of Object.entries(want)) if (have[key] !== value) patch.push({ op: key in have ? 'replace' : 'add', path: pointer(key), value });
  for (const key of Object.keys(have)) if (!(key in want)) patch.push({ op: 'remove', path: pointer(key) });
  set('/min_disk', image.min_disk, wanted.minDisk);
  set('/min_ram', image.min_ram, wanted.minRam);
  if (JSON.stringify(image.tags.toSorted()) !== JSON.stringify(wanted.tags)) patch.push({ op: 'replace', path: '/tags', value: wanted.tags });
  if (wanted.keepsVisibility !== true) set('/visibility', image.visibility, wanted.visibility);
  set('/protected', image.protected ?? false, wanted.protected);
  set('/os_hidden', image.os_hidden ?? false, wanted.hidden);
  set('/name', image.name ?? '', wanted.name);
  return patch;
}

/** The first image has no mark; a copy keeps that of its first image, and loses that of the job that made it. */
function ownMarks(image: Image, wanted: ImageRecord): Record<string, string> {
  if (wanted.origin === image.id) return {};
  const site = image[marks.originSite];
  return { [marks.origin]: wanted.origin, ...(typeof site === 'string' ? { [marks.originSite]: site } : {}) };
}

/** In what two records differ, for a person: `tags`, `property hw_disk_bus`. Data and members are compared elsewhere. */
export function differences(image: Image, wanted: ImageRecord): string[] {
  return patchTo(image, wanted).map(({ path }) => path.slice(1)).filter((p) => !p.startsWith('godwit_'));
}

export const sameHash = (a: ImageHash | undefined, b: ImageHash | undefined): boolean => a !== undefined && b !== undefined && a.algorithm === b.algorithm && a.value.toLowerCase() === b.value.toLowerCase();

export const hashOf = (image: Image): ImageHash | undefined => (image.os_hash_algo && image.os_hash_value ? { algorithm: image.os_hash_algo, value: image.os_hash_value } : undefined);
