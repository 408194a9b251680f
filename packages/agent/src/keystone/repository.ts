import { join } from 'node:path';
import type { Files, Owner } from '../node/files.ts';
import { AgentError, reason } from '../protocol/errors.ts';
import type { KeyKind, KeySet, RepositoryReport } from '../protocol/keystone.ts';
import type { Problem } from '../protocol/values.ts';
import { type Contents, nowhere, readContents } from './inspect.ts';
import { hashSet, Journal, type Order } from './journal.ts';
import { byIndex, hashesOf, keySha256 } from './key.ts';
import { planKeys } from './plan.ts';

export interface RepositoryOptions {
  readonly kind: KeyKind;
  readonly path: string;
  /** Of the key files. Default 0600. */
  readonly mode?: number;
  /** Default: whom the directory belongs to. */
  readonly owner?: Owner;
  /** How long a Keystone may take from listing the directory to reading the files. Default 1000. */
  readonly settleMs?: number;
  readonly files: Files;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface OrderedKeys {
  readonly generation: number;
  readonly keys: KeySet;
  readonly drop?: readonly string[] | undefined;
}

/**
 * One key repository of a Keystone. An order is written down whole before the first key is moved, and goes on after a crash where it was:
 * each way is planned from what is on the disk. Not to be used by two callers at once.
 */
export class KeyRepository {
  readonly kind: KeyKind;
  readonly path: string;
  readonly #options: RepositoryOptions;
  #working = false;

  constructor(options: RepositoryOptions) {
    this.kind = options.kind;
    this.path = options.path;
    this.#options = options;
  }

  /** What is on the disk, held against the order that was applied last. Never throws. */
  async inspect(): Promise<RepositoryReport> {
    const { kind, path } = this;
    try {
      const { contents, journal } = await this.#look();
      const [applied, pending] = [await journal.applied(), await journal.pending()];
      const keys = hashesOf(keysOf(contents));
      const problems = [...contents.problems, ...this.#differences(contents, applied?.keys, pending)];
      return { kind, path, generation: applied?.generation ?? 0, keys: keys.slice(0, 1000), problems: problems.slice(0, 100) };
    } catch (error) {
      return { kind, path, generation: 0, keys: [], problems: [{ code: 'GW_AGENT_REPO_UNREADABLE', message: `${path} cannot be read: ${reason(error)}` }] };
    }
  }

  async keys(): Promise<{ generation: number; keys: KeySet }> {
    const { contents, journal } = await this.#look();
    return { generation: (await journal.applied())?.generation ?? 0, keys: keysOf(contents) };
  }

  /** The repository becomes exactly this set. Throws, with the old keys all there, if it may not or cannot. */
  async apply(order: OrderedKeys): Promise<RepositoryReport> {
    await this.#guarded(async () => {
      const { contents, journal } = await this.#look();
      const wanted: Order = { generation: order.generation, keys: hashSet(order.keys), drop: [...(order.drop ?? [])] };
      for (const seen of [await journal.applied(), await journal.pending()]) if (seen) refuseOld(this.kind, wanted, seen);
      await this.#carryOut(wanted, order.keys, contents, journal);
    });
    return this.inspect();
  }

  /** Ends what a crash or a full disk has interrupted. At each start, and now and then. */
  async resume(): Promise<void> {
    await this.#guarded(async () => {
      const { contents, journal } = await this.#look();
      await journal.sweep();
      const order = await journal.pending();
      if (!order) return;
      const keys: Record<string, string> = {};
      for (const [index, sha256] of Object.entries(order.keys)) {
        const text = [contents.disk[index], await journal.waiting(order.generation, index)].find((t) => t !== undefined && keySha256(t) === sha256);
        if (text === undefined) throw new AgentError('GW_AGENT_REPO_WRITE', 'waiting', `${this.path}: key ${index} of order ${order.generation} is gone; the order must come again`);
        keys[index] = text;
      }
      await this.#carryOut(order, keys, contents, journal);
    });
  }

  /** Does not end what it has begun when the caller goes away: half way is no good place to stop. */
  async #carryOut(order: Order, keys: KeySet, contents: Contents, journal: Journal): Promise<void> {
    const { files, sleep, settleMs = 1_000, mode = 0o600 } = this.#options;
    const steps = planKeys({ disk: contents.disk, retired: contents.retired, target: keys, drop: order.drop });
    const owner = await this.owner();
    if (steps.length > 0) {
      const placed = steps.flatMap((s) => (s.do === 'place' ? [s.index] : []));
      await journal.begin(order, Object.fromEntries(placed.map((i) => [i, keys[i] ?? ''])));
    }
    for (const index of contents.toMend) {
      if (!Object.hasOwn(keys, index)) continue;
      const file = join(this.path, index);
      const stat = await files.stat(file);
      if (stat && (stat.uid !== owner.uid || stat.gid !== owner.gid)) await files.setOwner(file, owner);
      await files.setMode(file, mode);
    }
    for (const step of steps) {
      if (step.do === 'settle') {
        await sleep(settleMs);
        continue;
      }
      const file = join(this.path, step.index);
      if (step.do === 'place') {
        if (mode !== 0o600) await files.setMode(journal.next(order.generation, step.index), mode);
        await files.rename(journal.next(order.generation, step.index), file);
      } else if (step.do === 'retire') {
        const link = journal.link();
        if ((await files.stat(link)) !== undefined) await files.unlink(link);
        await files.symlink(nowhere, link);
        await files.rename(link, file);
      } else {
        await files.unlink(file);
      }
      // What was placed is on the disk before the next step may take its old place away.
      await files.syncDir(this.path);
    }
    const { contents: after } = await this.#look();
    const wrong = this.#differences(after, order.keys);
    if (wrong.length > 0) throw new AgentError('GW_AGENT_REPO_WRITE', 'retryable', `${this.path} is not as it was written: ${wrong.map((p) => p.message).join('; ')}`);
    await journal.finish({ generation: order.generation, keys: order.keys });
  }

  /** Ways in which the disk is not what was ordered. While an order is carried out, all is well that has the keys of both. */
  #differences({ disk }: Contents, ordered: Readonly<Record<string, string>> | undefined, pending?: Order): Problem[] {
    if (pending) return this.#working ? [] : [{ code: 'GW_AGENT_REPO_PENDING', message: `order ${pending.generation} was begun and not finished` }];
    if (!ordered) return [];
    const problems: Problem[] = [];
    const say = (code: string, message: string): void => void problems.push({ code, message });
    for (const index of Object.keys(ordered).sort(byIndex)) {
      const text = disk[index];
      if (!Object.hasOwn(disk, index)) say('GW_AGENT_REPO_MISSING', `key ${index} is gone`);
      else if (text !== undefined && keySha256(text) !== ordered[index]) say('GW_AGENT_REPO_EDITED', `key ${index} is another than was ordered`);
    }
    for (const index of Object.keys(disk).sort(byIndex)) if (!Object.hasOwn(ordered, index)) say('GW_AGENT_REPO_FOREIGN', `key ${index} was never ordered`);
    return problems;
  }

  async #look(): Promise<{ contents: Contents; journal: Journal }> {
    const { files, mode = 0o600 } = this.#options;
    const owner = await this.owner();
    return { contents: await readContents(files, this.path, mode, owner), journal: new Journal(files, this.path, owner) };
  }

  /** Whom the keys belong to. */
  async owner(): Promise<Owner> {
    if (this.#options.owner) return this.#options.owner;
    const dir = await this.#options.files.stat(this.path);
    if (dir?.kind !== 'directory') throw new AgentError('GW_AGENT_REPO_WRITE', 'terminal', `${this.path} is no directory`, { action: 'Make it, or name the right one in agent.yaml.' });
    return { uid: dir.uid, gid: dir.gid };
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    this.#working = true;
    try {
      await work();
    } catch (error) {
      throw error instanceof AgentError ? error : diskError(this.path, error);
    } finally {
      this.#working = false;
    }
  }
}

const keysOf = ({ disk }: Contents): KeySet => Object.fromEntries(Object.entries(disk).filter((e): e is [string, string] => e[1] !== undefined));

function refuseOld(kind: KeyKind, order: Order, seen: { readonly generation: number; readonly keys: Readonly<Record<string, string>> }): void {
  if (order.generation < seen.generation) {
    throw new AgentError('GW_AGENT_GENERATION_OLD', 'terminal', `the order of ${kind} keys has generation ${order.generation}; this node has seen ${seen.generation}`, { action: 'Another controller has gone on: look at the state anew.' });
  }
  const same = JSON.stringify(sorted(order.keys)) === JSON.stringify(sorted(seen.keys));
  if (order.generation === seen.generation && !same) {
    throw new AgentError('GW_AGENT_GENERATION_CONFLICT', 'terminal', `the order of ${kind} keys has generation ${order.generation}, as one before it with other keys`, { action: 'Two rotations ran at once: look at the state anew.' });
  }
}

const sorted = (keys: Readonly<Record<string, string>>): [string, string][] => Object.entries(keys).sort(([a], [b]) => byIndex(a, b));

function diskError(path: string, error: unknown): AgentError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AgentError('GW_AGENT_DISK_FULL', 'waiting', `${path}: no space left; the keys from before are all there`, { action: 'Free space on that file system.', cause: error });
  return new AgentError('GW_AGENT_REPO_WRITE', 'retryable', `${path}: ${reason(error)}`, { action: 'Give the agent’s user the right to write there.', cause: error });
}
