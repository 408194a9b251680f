import { sameBlock, sparseOf, storedBytes, type Blocks, type Sparse } from './sparse.ts';

/** What one backup put on the target: everything, or what differs from its parent. */
export interface StoredBackup {
  /** Directory below the target. */
  readonly container: string;
  /** Container of the backup that this one adds to. */
  readonly parent: string | undefined;
  /** Bytes of the volume. */
  readonly size: number;
  readonly blocks: Blocks;
  readonly bytes: number;
  readonly objectCount: number;
  /** The volume's names and metadata, which a restore puts back. */
  readonly meta: VolumeMeta;
}

export interface VolumeMeta {
  readonly name: string | null;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly imageMetadata: Readonly<Record<string, string>> | undefined;
}

/** A directory, Swift or bucket that the cinder-backups of several sites share. */
export interface BackupStore {
  readonly backups: Map<string, StoredBackup>;
  /** Bytes; more is refused, as a full file system does. */
  capacity: number;
  used: number;
}

export class StoreError extends Error {}

export const createBackupStore = (): BackupStore => ({ backups: new Map(), capacity: Infinity, used: 0 });

/** Object files have this size (posix: backup_file_size). */
const OBJECT_BYTES = 1_999_994_880;

/** @throws StoreError when the target is full or the parent's data is not there */
export function putBackup(store: BackupStore, container: string, parent: string | undefined, data: Sparse, meta: VolumeMeta): StoredBackup {
  const base = parent === undefined ? undefined : readChain(store, chainTo(store, parent)).blocks;
  const blocks: Blocks = base ? changed(base, data.blocks) : data.blocks;
  const bytes = storedBytes(blocks);
  const before = store.backups.get(container)?.bytes ?? 0;
  if (store.used - before + bytes > store.capacity) throw new StoreError('[Errno 28] No space left on device');
  const stored: StoredBackup = { container, parent, size: data.size, blocks, bytes, objectCount: base ? runsOf(blocks) : Math.max(1, Math.ceil(data.size / OBJECT_BYTES)), meta };
  store.used += bytes - before;
  store.backups.set(container, stored);
  return stored;
}

/** What is not there is no error: the driver only warns. */
export function dropBackup(store: BackupStore, container: string): void {
  const known = store.backups.get(container);
  if (!known) return;
  store.used -= known.bytes;
  store.backups.delete(container);
}

/** From the full backup to this one. @throws StoreError */
function chainTo(store: BackupStore, container: string): string[] {
  const chain: string[] = [];
  for (let next: string | undefined = container; next !== undefined; next = get(store, next).parent) {
    if (chain.includes(next)) throw new StoreError(`${next} is its own ancestor`);
    chain.unshift(next);
  }
  return chain;
}

/** @param chain containers, the full backup first @throws StoreError */
export function readChain(store: BackupStore, chain: readonly string[]): Sparse {
  const blocks: Blocks = new Map();
  let size = 0;
  for (const container of chain) {
    const stored = get(store, container);
    size = stored.size;
    for (const [index, block] of stored.blocks) blocks.set(index, block);
  }
  return sparseOf(size, blocks);
}

/** @throws StoreError */
export function metaOf(store: BackupStore, container: string): VolumeMeta {
  return get(store, container).meta;
}

function get(store: BackupStore, container: string): StoredBackup {
  const stored = store.backups.get(container);
  if (!stored) throw new StoreError(`[Errno 2] No such file or directory: '/var/lib/cinder/backups/${container}'`);
  return stored;
}

/** A block that became a hole is kept as zeros. */
function changed(base: Blocks, now: Blocks): Blocks {
  const out: Blocks = new Map();
  for (const [index, block] of now) if (!sameBlock(block, base.get(index))) out.set(index, block);
  for (const [index, block] of base) if (!now.has(index) && !sameBlock(undefined, block)) out.set(index, { gen: 0, bytes: new Uint8Array(0) });
  return out;
}

/** Each run of changed blocks is an object of its own. */
function runsOf(blocks: Blocks): number {
  const indexes = [...blocks.keys()].sort((a, b) => a - b);
  return indexes.filter((n, i) => i === 0 || indexes[i - 1] !== n - 1).length;
}

