import * as z from 'zod/mini';
import { AgentError } from '../protocol/errors.ts';
import type { ImageState } from '../protocol/storage.ts';

/** What `rbd --format json` answers, as far as it is relied on (18.2.7). */
const info = z.looseObject({
  id: z.string(), size: z.number(),
  parent: z.optional(z.looseObject({ pool: z.string(), image: z.string(), snapshot: z.string() })),
  mirroring: z.optional(z.looseObject({ mode: z.optional(z.string()), state: z.string(), global_id: z.optional(z.string()), primary: z.optional(z.boolean()) })),
});
const snapshots = z.array(z.looseObject({ id: z.int(), name: z.string(), namespace: z.looseObject({ type: z.string(), state: z.optional(z.string()), complete: z.optional(z.boolean()), primary_snap_id: z.optional(z.int()) }) }));
const said = { state: z.string(), description: z.string() };
const status = z.looseObject({ ...said, peer_sites: z._default(z.array(z.looseObject({ site_name: z.string(), ...said })), []) });
const pool = z.looseObject({ mode: z.string(), site_name: z._default(z.string(), ''), peers: z._default(z.array(z.looseObject({ site_name: z.string(), direction: z._default(z.string(), 'rx-tx') })), []) });

function read<T extends z.ZodMiniType>(schema: T, text: string, what: string): z.infer<T> {
  try {
    return z.parse(schema, JSON.parse(text));
  } catch (cause) {
    throw new AgentError('GW_STORAGE_FAILED', 'terminal', `${what}: rbd’s answer cannot be read`, { action: 'Tried with Ceph 18.2; tell which one this is.', cause });
  }
}

export const markPrefix = 'godwit-';
/** Name of the snapshot that marks a point. */
export const markOf = (point: string): string => `${markPrefix}${point}`;

export function readInfo(text: string, image: string): Pick<ImageState, 'id' | 'sizeBytes' | 'parent' | 'mirror'> {
  const { id, size, parent, mirroring } = read(info, text, image);
  return {
    id, sizeBytes: size,
    ...(parent && { parent: `${parent.pool}/${parent.image}@${parent.snapshot}` }),
    // While mirroring is being switched off the image has no id any more.
    ...(mirroring?.global_id !== undefined && { mirror: { mode: mirroring.mode ?? 'journal', globalId: mirroring.global_id, primary: mirroring.primary === true, state: mirroring.state } }),
  };
}

export function readSnapshots(text: string, image: string): Pick<ImageState, 'marks' | 'complete'> {
  const all = read(snapshots, text, image);
  const whole = all.flatMap(({ namespace: n }) => (n.type === 'mirror' && n.complete === true && n.primary_snap_id !== undefined ? [n.primary_snap_id] : []));
  return {
    marks: all.filter((s) => s.namespace.type === 'user' && s.name.startsWith(markPrefix)).map((s) => ({ point: s.name.slice(markPrefix.length), id: s.id })),
    ...(whole.length > 0 && { complete: Math.max(...whole) }),
  };
}

export function readReplay(text: string, image: string, here: string): ImageState['replay'] {
  const { state, description, peer_sites: peers } = read(status, text, image);
  return [{ site: here, state, description: description.slice(0, 2000), ...behind(description) }, ...peers.map((p) => ({ site: p.site_name, state: p.state, description: p.description.slice(0, 2000), ...behind(p.description) }))];
}

/** rbd-mirror tells how far it is as JSON within its words. */
function behind(description: string): { behindSeconds?: number; bytesBehind?: number } {
  const from = description.indexOf('{');
  if (from < 0) return {};
  try {
    const facts = JSON.parse(description.slice(from)) as Record<string, unknown>;
    const [local, remote, percent, bytes] = ['local_snapshot_timestamp', 'remote_snapshot_timestamp', 'syncing_percent', 'bytes_per_snapshot'].map((k) => (typeof facts[k] === 'number' ? facts[k] : undefined));
    return {
      ...(remote !== undefined && local !== undefined && { behindSeconds: Math.max(0, remote - local) }),
      ...(percent !== undefined && bytes !== undefined && { bytesBehind: Math.round((bytes * (100 - percent)) / 100) }),
    };
  } catch {
    return {};
  }
}

export function readPool(text: string, name: string): { name: string; mode: string; siteName: string; peers: { siteName: string; direction: string }[] } {
  const { mode, site_name: siteName, peers } = read(pool, text, name);
  return { name, mode, siteName, peers: peers.map((p) => ({ siteName: p.site_name, direction: p.direction })) };
}

/** `Snapshot ID: 12` */
export const readSnapshotId = (text: string): number | undefined => {
  const found = /Snapshot ID:\s*(\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
};

/** The fsid that a ceph.conf names. */
export const fsidOf = (conf: string): string => /^\s*fsid\s*=\s*([0-9a-fA-F-]{36})\s*$/m.exec(conf)?.[1]?.toLowerCase() ?? '';
