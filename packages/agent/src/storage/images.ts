import { AgentError } from '../protocol/errors.ts';
import type { ImageState, Marked, MirrorMode } from '../protocol/storage.ts';
import { errno, failed } from './failures.ts';
import { markOf, readInfo, readReplay, readSnapshotId, readSnapshots } from './parse.ts';
import type { RbdAnswer, RunRbd } from './run-rbd.ts';

/** Written into an image when it is put into a group; it is mirrored with it, so it is known at both sides. */
const groupKey = 'godwit.group';

export interface Own {
  readonly pool: string;
  readonly group: string;
  readonly images: readonly string[];
}

const json = ['--format', 'json'];

/** What is done to images of one cluster, by `rbd`. Everything may be done twice. */
export class Images {
  readonly #run: RunRbd;
  /** The group of images that were looked at, by pool and name: inside a freeze nothing is looked up. */
  readonly #groups = new Map<string, string>();

  constructor(run: RunRbd) {
    this.#run = run;
  }

  async look(pool: string, image: string, signal: AbortSignal): Promise<ImageState> {
    const spec = `${pool}/${image}`;
    const found = await this.#run(['info', spec, ...json], signal);
    if (found.code === errno.missing) return { image, found: false, marks: [], replay: [] };
    if (found.code !== 0) throw failed(spec, found);
    const facts = readInfo(found.stdout, spec);
    const [snapshots, group, status] = await Promise.all([
      this.#run(['snap', 'ls', '--all', spec, ...json], signal),
      this.#groupOf(pool, image, signal),
      facts.mirror ? this.#run(['mirror', 'image', 'status', spec, ...json], signal) : undefined,
    ]);
    // A copy that is made anew goes between two looks, and comes back by another id.
    if (snapshots.code === errno.missing) return { image, found: false, marks: [], replay: [] };
    if (snapshots.code !== 0) throw failed(spec, snapshots);
    return {
      image, found: true, ...facts, ...readSnapshots(snapshots.stdout, spec),
      ...(group !== undefined && { group }),
      replay: status?.code === 0 ? readReplay(status.stdout, spec, '') : [],
    };
  }

  async enable(own: Own, mode: MirrorMode, signal: AbortSignal): Promise<ImageState[]> {
    return this.#each(own.images, async (image) => {
      const spec = `${own.pool}/${image}`;
      const now = await this.look(own.pool, image, signal);
      if (!now.found) throw new AgentError('GW_STORAGE_IMAGE_MISSING', 'terminal', `${spec} is not there`, { action: 'Look whether the volume is still there, and which pool it lies in.' });
      if (now.mirror && now.group !== own.group) throw new AgentError('GW_STORAGE_NOT_OURS', 'terminal', `${spec} is mirrored already, by ${now.group === undefined ? 'somebody else' : `group ${now.group}`}`, { action: 'End that mirroring, or protect the group by another method.' });
      if (now.mirror && now.mirror.mode !== mode) throw new AgentError('GW_STORAGE_MODE', 'terminal', `${spec} is mirrored in ${now.mirror.mode} mode, not ${mode}`, { action: 'Keep the mode, or end the mirroring first: its recovery points go with it.' });
      if (now.group !== own.group) await this.#ok(spec, ['image-meta', 'set', spec, groupKey, own.group], signal);
      this.#groups.set(spec, own.group);
      if (!now.mirror) await this.#ok(spec, ['mirror', 'image', 'enable', spec, mode], signal);
      return this.look(own.pool, image, signal);
    });
  }

  /**
   * The point's snapshot and, in snapshot mode, the mirror snapshot that ships it, with nothing written in between: a copy that gets two
   * states of a block in one go was seen to lose the older one when it is later copied back (Ceph 18.2.7).
   */
  async mark(own: Own, point: string, signal: AbortSignal): Promise<Marked[]> {
    await this.#mine(own, signal);
    return this.#each(own.images, async (image) => {
      const spec = `${own.pool}/${image}`;
      const made = await this.#run(['snap', 'create', '--no-progress', `${spec}@${markOf(point)}`], signal);
      if (made.code !== 0 && made.code !== errno.exists) throw failed(spec, made);
      const ships = await this.#run(['mirror', 'image', 'snapshot', spec], signal);
      // In journal mode there is no such thing: what was written is on its way already.
      if (ships.code === errno.invalid) return { image };
      if (ships.code !== 0) throw failed(spec, ships);
      const id = readSnapshotId(ships.stdout);
      return id === undefined ? { image } : { image, ships: id };
    });
  }

  async unmark(own: Own, point: string, signal: AbortSignal): Promise<void> {
    await this.#each(own.images, async (image) => {
      const spec = `${own.pool}/${image}`;
      if ((await this.#mineIfThere(own, image, signal)) === undefined) return;
      const answer = await this.#run(['snap', 'rm', '--no-progress', `${spec}@${markOf(point)}`], signal);
      if (answer.code !== 0 && answer.code !== errno.missing) throw failed(spec, answer);
    });
  }

  async promote(own: Own, force: boolean, signal: AbortSignal): Promise<void> {
    await this.#mine(own, signal);
    await this.#each(own.images, async (image) => {
      const spec = `${own.pool}/${image}`;
      if ((await this.look(own.pool, image, signal)).mirror?.primary === true) return;
      await this.#ok(spec, ['mirror', 'image', 'promote', ...(force ? ['--force'] : []), spec], signal);
    });
  }

  async demote(own: Own, signal: AbortSignal): Promise<void> {
    await this.#mine(own, signal);
    await this.#each(own.images, async (image) => {
      const spec = `${own.pool}/${image}`;
      if ((await this.look(own.pool, image, signal)).mirror?.primary === false) return;
      await this.#ok(spec, ['mirror', 'image', 'demote', spec], signal);
    });
  }

  async rollback(own: Own, point: string, signal: AbortSignal): Promise<void> {
    await this.#mine(own, signal);
    await this.#each(own.images, (image) => this.#ok(`${own.pool}/${image}`, ['snap', 'rollback', '--no-progress', `${own.pool}/${image}@${markOf(point)}`], signal));
  }

  /** A primary is made a copy first. One that was told already is not told again: it would begin anew. */
  async resync(own: Own, signal: AbortSignal): Promise<void> {
    await this.demote(own, signal);
    await this.#each(own.images, async (image) => this.#ok(`${own.pool}/${image}`, ['mirror', 'image', 'resync', `${own.pool}/${image}`], signal));
  }

  async keep(own: Own, label: string, signal: AbortSignal): Promise<string[]> {
    await this.#mine(own, signal);
    return this.#each(own.images, async (image) => {
      const copy = `godwit-kept-${label}-${image}`;
      const part = `${copy}.part`;
      const spec = `${own.pool}/${copy}`;
      if ((await this.#run(['info', spec, ...json], signal)).code === 0) return copy;
      // What an earlier try left unfinished.
      const gone = await this.#run(['rm', '--no-progress', `${own.pool}/${part}`], signal);
      if (gone.code !== 0 && gone.code !== errno.missing) throw failed(spec, gone);
      await this.#ok(spec, ['cp', '--no-progress', `${own.pool}/${image}`, `${own.pool}/${part}`], signal);
      await this.#ok(spec, ['rename', `${own.pool}/${part}`, spec], signal);
      return copy;
    });
  }

  async rename(pool: string, group: string, from: string, to: string, signal: AbortSignal): Promise<void> {
    if ((await this.#mineIfThere({ pool, group, images: [to] }, to, signal)) !== undefined && !(await this.look(pool, from, signal)).found) return;
    await this.#mine({ pool, group, images: [from] }, signal);
    this.#groups.delete(`${pool}/${from}`);
    await this.#ok(`${pool}/${from}`, ['rename', `${pool}/${from}`, `${pool}/${to}`], signal);
  }

  async sums(own: Own, point: string, signal: AbortSignal): Promise<{ image: string; sha256: string }[]> {
    await this.#mine(own, signal);
    const sums = [];
    // One after the other: this reads every byte.
    for (const image of own.images) {
      const answer = await this.#run(['export', '--no-progress', `${own.pool}/${image}@${markOf(point)}`, '-'], signal, { digest: true });
      if (answer.code !== 0) throw failed(`${own.pool}/${image}`, answer);
      sums.push({ image, sha256: answer.stdout });
    }
    return sums;
  }

  async disable(own: Own, signal: AbortSignal): Promise<void> {
    await this.#each(own.images, async (image) => {
      const spec = `${own.pool}/${image}`;
      if ((await this.#mineIfThere(own, image, signal)) === undefined) return;
      if ((await this.look(own.pool, image, signal)).mirror) await this.#ok(spec, ['mirror', 'image', 'disable', '--force', spec], signal);
      const cleared = await this.#run(['image-meta', 'remove', spec, groupKey], signal);
      if (cleared.code !== 0 && cleared.code !== errno.missing) throw failed(spec, cleared);
      this.#groups.delete(spec);
    });
  }

  async #mine(own: Own, signal: AbortSignal): Promise<void> {
    await this.#each(own.images, async (image) => {
      if ((await this.#mineIfThere(own, image, signal)) === undefined) throw new AgentError('GW_STORAGE_IMAGE_MISSING', 'terminal', `${own.pool}/${image} is not there`, { action: 'Look whether the volume is still there, and which pool it lies in.' });
    });
  }

  /** Undefined: there is no such image. Throws when it is of another group, or of none. */
  async #mineIfThere(own: Own, image: string, signal: AbortSignal): Promise<true | undefined> {
    const spec = `${own.pool}/${image}`;
    const group = this.#groups.get(spec) ?? (await this.#groupOf(own.pool, image, signal));
    if (group === own.group) {
      this.#groups.set(spec, group);
      return true;
    }
    const there = await this.#run(['info', spec, ...json], signal);
    if (there.code === errno.missing) return undefined;
    throw new AgentError('GW_STORAGE_NOT_OURS', 'terminal', `${spec} belongs to ${group === undefined ? 'no group' : 'another group'}, so it is not touched`, { action: 'Look who mirrors it.' });
  }

  async #groupOf(pool: string, image: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#run(['image-meta', 'get', `${pool}/${image}`, groupKey], signal);
    if (answer.code === 0) return answer.stdout.trim();
    if (answer.code === errno.missing) return undefined;
    throw failed(`${pool}/${image}`, answer);
  }

  async #ok(what: string, args: readonly string[], signal: AbortSignal): Promise<RbdAnswer> {
    const answer = await this.#run(args, signal);
    if (answer.code !== 0) throw failed(what, answer);
    return answer;
  }

  /** Side by side; when one fails, the others are still waited for, so that nothing goes on behind the caller's back. */
  async #each<T>(images: readonly string[], work: (image: string) => Promise<T>): Promise<T[]> {
    const ends = await Promise.allSettled(images.map(work));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return ends.flatMap((e) => (e.status === 'fulfilled' ? [e.value] : []));
  }
}
