import { z } from 'zod';

/**
 * Copies of volumes that the storage itself keeps at another site. What is asked of it is declared here; who reaches it (an agent at each
 * site) is wired by the server.
 */

export const mirrorModes = ['snapshot', 'journal'] as const;
export type MirrorMode = (typeof mirrorModes)[number];

/** What names a copy: recorded when protection starts, in the manifest at the recovery site and in the volume's metadata. Cinder knows none of it. */
export const replicaSchema = z.object({
  driver: z.literal('ceph-rbd'),
  mode: z.enum(mirrorModes),
  pool: z.string(),
  image: z.string().describe('its name when the point was made, at both sites'),
  globalId: z.string().describe('the same at both sites, whatever the image is called'),
  cluster: z.string().describe('fsid of the recovery site’s cluster'),
  peer: z.string().describe('fsid of the source site’s cluster'),
  ships: z.number().int().optional().describe('mirror snapshot of the source that carries the point; the copy must have it as a whole'),
});
export type Replica = z.infer<typeof replicaSchema>;

/** A pool of a site's storage that somebody can reach. */
export interface Place {
  readonly site: string;
  /** Who reaches it. */
  readonly node: string;
  readonly pool: string;
  readonly cluster: string;
  /** Its images can be mirrored one by one. */
  readonly mirrored: boolean;
  readonly peers: readonly { readonly siteName: string; readonly direction: string }[];
}

/** Images of one group, at a place. */
export interface Held {
  readonly place: Place;
  readonly group: string;
  readonly images: readonly string[];
}

export interface ImageStatus {
  readonly image: string;
  readonly found: boolean;
  readonly sizeBytes?: number | undefined;
  readonly parent?: string | undefined;
  /** The group that it belongs to. */
  readonly group?: string | undefined;
  readonly mirror?: { readonly mode: string; readonly globalId: string; readonly primary: boolean; readonly state: string } | undefined;
  readonly marks: readonly { readonly point: string; readonly id: number }[];
  readonly complete?: number | undefined;
  readonly replay: readonly { readonly site: string; readonly state: string; readonly description: string; readonly behindSeconds?: number | undefined; readonly bytesBehind?: number | undefined }[];
}

export interface MarkedImage {
  readonly image: string;
  readonly ships?: number | undefined;
}

export interface ReplicationDriver {
  readonly name: Replica['driver'];
  /** The pools of a site that can be reached now. Throws GW_REPLICATION_NO_AGENT. */
  places(site: string): Promise<readonly Place[]>;
  /** Begins to keep a copy of each image at the other site. */
  enable(held: Held, mode: MirrorMode, signal: AbortSignal): Promise<readonly ImageStatus[]>;
  /** What names the copies of these images: their references. */
  reference(source: Place, target: Place, status: ImageStatus): Replica;
  /** The moment of a recovery point in all images, at once. Asked while guests are frozen. */
  mark(held: Held, point: string, signal: AbortSignal): Promise<readonly MarkedImage[]>;
  unmark(held: Held, point: string, signal: AbortSignal): Promise<void>;
  /** Does this copy hold all of the point? */
  holds(copy: ImageStatus, point: string, ships: number | undefined): boolean;
  status(place: Place, images: readonly string[], signal?: AbortSignal): Promise<readonly ImageStatus[]>;
  promote(held: Held, options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
  demote(held: Held, signal: AbortSignal): Promise<void>;
  rollback(held: Held, point: string, signal: AbortSignal): Promise<void>;
  /** Gives up what is here for what the other side has. Only on order. */
  resync(held: Held, signal: AbortSignal): Promise<void>;
  /** Copies what a resync would give up. Returns the copies' names. */
  keep(held: Held, label: string, signal: AbortSignal): Promise<readonly string[]>;
  rename(held: Held, from: string, to: string, signal: AbortSignal): Promise<void>;
  /** SHA-256 of every byte as of a point, by image. */
  sums(held: Held, point: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  disable(held: Held, signal: AbortSignal): Promise<void>;
}
