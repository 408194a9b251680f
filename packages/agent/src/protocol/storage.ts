import * as z from 'zod/mini';
import { defineCommand } from './command.ts';
import { many, problem, short, text } from './values.ts';

const uuid = z.string().check(z.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/));
/** As Cinder calls what it makes: nothing else is ever touched, and nothing that could begin an option of a program. */
export const imageName = z.string().check(z.regex(/^volume-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/));
const poolName = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/));
const images = many(imageName, 256).check(z.minLength(1));
/** Snapshot: points are marked by the controller and shipped then. Journal: every write is shipped. */
const mode = z.enum(['snapshot', 'journal']);
export type MirrorMode = z.infer<typeof mode>;

const where = { pool: poolName, images };
/** The group that the images must belong to: `enable` puts them into it, every other command refuses those of another, or of none. */
const ours = { ...where, group: uuid };
const point = { ...ours, point: uuid };

export const imageState = z.object({
  image: imageName,
  found: z.boolean(),
  id: z.optional(short),
  sizeBytes: z.optional(z.number()),
  /** It is a clone, of `POOL/IMAGE@SNAPSHOT`. */
  parent: z.optional(text),
  /** The group that it was put into. */
  group: z.optional(short),
  mirror: z.optional(z.object({ mode: short, globalId: short, primary: z.boolean(), state: short })),
  /** Points that are marked in it; `id` of the snapshot. */
  marks: many(z.object({ point: short, id: z.int() }), 1000),
  /** Of a copy in snapshot mode: the primary's newest mirror snapshot that is here as a whole. */
  complete: z.optional(z.int()),
  /** How it is with this image at each cluster that it is mirrored to, and here: as rbd-mirror says. */
  replay: many(z.object({ site: short, state: short, description: text, behindSeconds: z.optional(z.number()), bytesBehind: z.optional(z.number()) }), 8),
});
export type ImageState = z.infer<typeof imageState>;

const marked = z.object({ image: imageName, /** Of the mirror snapshot, in snapshot mode: it is shipped as a whole, or not at all. */ ships: z.optional(z.int()) });
export type Marked = z.infer<typeof marked>;

export const storageReport = z.object({
  driver: z.literal('ceph-rbd'),
  /** The cluster's fsid, as ceph.conf says; empty when it does not. */
  cluster: short,
  pools: many(z.object({ name: poolName, mode: short, siteName: short, peers: many(z.object({ siteName: short, direction: short }), 8) }), 16),
  problems: many(problem),
});
export type StorageReport = z.infer<typeof storageReport>;

const done = z.object({});

/** Each acts on all images side by side, and may be sent twice. One that fails for an image says for which, and what was done of the others stays. */
export const storage = {
  report: defineCommand('storage.report', done, storageReport, 30_000),
  look: defineCommand('storage.look', z.object(where), many(imageState, 256), 60_000),
  /** Puts images into a group and begins to mirror them. Refuses those that somebody else mirrors, and clones of what is not mirrored. */
  enable: defineCommand('storage.enable', z.object({ ...ours, mode }), many(imageState, 256), 120_000),
  /** The moment of a recovery point: a snapshot in each image, and that it is shipped. */
  mark: defineCommand('storage.mark', z.object(point), many(marked, 256), 60_000),
  unmark: defineCommand('storage.unmark', z.object(point), done, 300_000),
  /** `force`: although the other side is primary, or cannot be asked. */
  promote: defineCommand('storage.promote', z.object({ ...ours, force: z.boolean() }), done, 300_000),
  demote: defineCommand('storage.demote', z.object(ours), done, 300_000),
  /** Brings the images back to what they were at a point. They must be primary. */
  rollback: defineCommand('storage.rollback', z.object(point), done, 3_600_000),
  /** Gives up what the images hold here that the other side does not: only on an order of a person. Before, see `keep`. */
  resync: defineCommand('storage.resync', z.object(ours), done, 300_000),
  /** Copies the images as they are now, aside: `godwit-kept-LABEL-IMAGE`. Answers with their names. */
  keep: defineCommand('storage.keep', z.object({ ...ours, label: z.string().check(z.regex(/^[a-z0-9-]{1,40}$/)) }), many(short, 256), 3_600_000),
  rename: defineCommand('storage.rename', z.object({ pool: poolName, group: uuid, from: imageName, to: imageName }), done, 60_000),
  /** SHA-256 of all bytes as of a point. */
  sums: defineCommand('storage.sums', z.object(point), many(z.object({ image: imageName, sha256: short }), 256), 3_600_000),
  /** Ends the mirroring; the copies at the other side go. */
  disable: defineCommand('storage.disable', z.object(ours), done, 300_000),
};
