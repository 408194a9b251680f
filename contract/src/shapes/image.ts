import * as z from 'zod';
import { hex, is, text, timeZ, uuid } from './base.ts';

const common = {
  name: text.nullable(), disk_format: text.nullable(), container_format: text.nullable(), visibility: is('public', 'private', 'shared', 'community'), protected: z.boolean(),
  min_ram: z.int(), min_disk: z.int(), owner: hex, os_hidden: z.boolean(), id: uuid, created_at: timeZ, updated_at: timeZ, tags: z.array(text),
  self: text.regex(/^\/v2\/images\/[0-9a-f-]{36}$/), file: text.regex(/^\/v2\/images\/[0-9a-f-]{36}\/file$/), schema: is('/v2/schemas/image'),
};
const unfilled = { status: is('queued'), size: z.null(), virtual_size: z.null(), checksum: z.null(), os_hash_algo: z.null(), os_hash_value: z.null() };
const filled = { status: is('active'), size: z.int(), virtual_size: z.int(), checksum: hex, os_hash_algo: is('sha512'), os_hash_value: text.regex(/^[0-9a-f]{128}$/), stores: text };
const manifest = { godwit_point: text, godwit_group: text, godwit_sha256: text };

/** Glance writes an image's own properties among its fields: those of a manifest. */
export const queuedManifest = z.strictObject({ ...common, ...unfilled, ...manifest });
export const manifestImage = z.strictObject({ ...common, ...filled, ...manifest });
/** Of any image, whatever properties it has. */
export const anyImage = z.object({ ...common, ...filled }).catchall(text);
export const images = <S extends z.ZodType>(item: S) => z.strictObject({ images: z.array(item), first: text.regex(/^\/v2\/images(\?|$)/), schema: is('/v2/schemas/images') });
/** A page that is not the last. */
export const pageOfImages = <S extends z.ZodType>(item: S) => z.strictObject({ images: z.array(item), first: text, next: text.regex(/^\/v2\/images\?/), schema: is('/v2/schemas/images') });
