import { join } from 'node:path';
import * as z from 'zod/mini';
import { readIfThere, writeDurably } from '../node/durable.ts';
import type { Files, Owner } from '../node/files.ts';
import type { KeySet } from '../protocol/keystone.ts';
import { keySha256 } from './key.ts';
import { ownDir } from './inspect.ts';

const hashes = z.record(z.string(), z.string());
const orderFile = z.object({ generation: z.int(), keys: hashes, drop: z.array(z.string()) });
const appliedFile = z.object({ generation: z.int(), keys: hashes });

/** What is kept of an order: hashes, no keys. The keys themselves lie beside it until they are at their place. */
export type Order = z.infer<typeof orderFile>;
export type Applied = z.infer<typeof appliedFile>;

export const hashSet = (keys: KeySet): Record<string, string> => Object.fromEntries(Object.entries(keys).map(([i, k]) => [i, keySha256(k)]));

/** An agent's own directory in a key repository: which order was applied, and which is under way. */
export class Journal {
  readonly #files: Files;
  readonly #dir: string;
  readonly #owner: Owner;

  constructor(files: Files, repository: string, owner: Owner) {
    this.#files = files;
    this.#dir = join(repository, ownDir);
    this.#owner = owner;
  }

  /** Where a key lies until it is at its place. Each order has a directory of its own: one that replaces another loses nothing of it before it counts. */
  next(generation: number, index: string): string {
    return join(this.#next(generation), index);
  }

  link(): string {
    return join(this.#dir, 'retired');
  }

  applied(): Promise<Applied | undefined> {
    return this.#read('applied.json', appliedFile);
  }

  /** An order that was begun, and neither finished nor taken back. */
  pending(): Promise<Order | undefined> {
    return this.#read('order.json', orderFile);
  }

  /** Everything of the order is on the disk before the first key is moved; when this throws, what was there before still counts. */
  async begin(order: Order, keys: KeySet): Promise<void> {
    const pending = await this.pending();
    const known = pending?.generation === order.generation;
    const next = this.#next(order.generation);
    try {
      await this.#files.makeDir(this.#dir, 0o700, this.#owner);
      await this.#files.makeDir(next, 0o700, this.#owner);
      for (const [index, key] of Object.entries(keys)) {
        const file = join(next, index);
        if (!known || (await readIfThere(this.#files, file)) !== key) await this.#files.write(file, key, 0o600, this.#owner);
      }
      await this.#files.syncDir(next);
      await this.#files.syncDir(this.#dir);
      if (!known) await writeDurably(this.#files, join(this.#dir, 'order.json'), JSON.stringify(order), 0o600, this.#owner);
    } catch (error) {
      if (!known) await this.#files.removeDir(next).catch(() => undefined);
      throw error;
    }
    await this.#dropAllBut(order.generation);
  }

  async finish(applied: Applied): Promise<void> {
    await this.#files.makeDir(this.#dir, 0o700, this.#owner);
    await writeDurably(this.#files, join(this.#dir, 'applied.json'), JSON.stringify(applied), 0o600, this.#owner);
    await this.#forget();
  }

  /** The key of a pending order, if it is not at its place yet. */
  waiting(generation: number, index: string): Promise<string | undefined> {
    return readIfThere(this.#files, this.next(generation, index));
  }

  /** Removes what a crash left of orders that do not count (any more). */
  async sweep(): Promise<void> {
    await this.#dropAllBut((await this.pending())?.generation);
  }

  async #forget(): Promise<void> {
    if ((await this.#files.stat(join(this.#dir, 'order.json'))) !== undefined) {
      await this.#files.unlink(join(this.#dir, 'order.json'));
      await this.#files.syncDir(this.#dir);
    }
    await this.#dropAllBut(undefined);
  }

  async #dropAllBut(generation: number | undefined): Promise<void> {
    if ((await this.#files.stat(this.#dir)) === undefined) return;
    for (const name of await this.#files.list(this.#dir)) {
      const dir = join(this.#dir, name);
      if (name.startsWith('next-') && (generation === undefined || dir !== this.#next(generation))) await this.#files.removeDir(dir);
    }
  }

  #next(generation: number): string {
    return join(this.#dir, `next-${generation}`);
  }

  /** A file that was cut or edited counts as none: the controller orders again. */
  async #read<T>(name: string, schema: z.ZodMiniType<T>): Promise<T | undefined> {
    const text = await readIfThere(this.#files, join(this.#dir, name));
    if (text === undefined) return undefined;
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }
}
