import { dirname } from 'node:path';
import type { Files, Owner, Stat } from '../node/files.ts';

interface Entry extends Stat {
  text: string;
}

export interface Call {
  readonly op: string;
  readonly path: string;
}

/**
 * A file system in memory. `before` is called before each change and may throw: that is where tests let the power fail, or the disk be full.
 * A write is two changes: the file is there, empty, before it has its text.
 */
export class MemoryFiles implements Files {
  readonly entries = new Map<string, Entry>();
  before: (call: Call) => void = () => undefined;
  after: (call: Call) => void = () => undefined;
  free = 1e9;

  clone(): MemoryFiles {
    const copy = new MemoryFiles();
    for (const [path, entry] of this.entries) copy.entries.set(path, { ...entry });
    return copy;
  }

  async list(dir: string): Promise<string[]> {
    this.#get(dir);
    await Promise.resolve();
    return [...this.entries.keys()].filter((p) => dirname(p) === dir && p !== dir).map((p) => p.slice(dir.length + 1));
  }

  stat(path: string): Promise<Stat | undefined> {
    const entry = this.entries.get(path);
    return Promise.resolve(entry && { kind: entry.kind, mode: entry.mode, uid: entry.uid, gid: entry.gid });
  }

  async read(path: string): Promise<string> {
    await Promise.resolve();
    return this.#get(path).text;
  }

  readLink(path: string): Promise<string> {
    return this.read(path);
  }

  async write(path: string, text: string, mode: number, owner: Owner = { uid: 0, gid: 0 }): Promise<void> {
    this.#get(dirname(path));
    await this.#change('create', path, () => this.entries.set(path, { kind: 'file', mode, ...owner, text: '' }));
    await this.#change('write', path, () => this.entries.set(path, { kind: 'file', mode, ...owner, text }));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change('rename', to, () => {
      const entry = this.#get(from);
      this.entries.delete(from);
      this.entries.set(to, entry);
    });
  }

  symlink(target: string, path: string): Promise<void> {
    return this.#change('symlink', path, () => this.entries.set(path, { kind: 'link', mode: 0o777, uid: 0, gid: 0, text: target }));
  }

  unlink(path: string): Promise<void> {
    return this.#change('unlink', path, () => {
      this.#get(path);
      this.entries.delete(path);
    });
  }

  async makeDir(path: string, mode: number, owner: Owner = { uid: 0, gid: 0 }): Promise<void> {
    if (this.entries.has(path)) return;
    await this.#change('makeDir', path, () => this.entries.set(path, { kind: 'directory', mode, ...owner, text: '' }));
  }

  async removeDir(path: string): Promise<void> {
    for (const inside of [...this.entries.keys()].filter((p) => p.startsWith(`${path}/`)).toReversed()) await this.unlink(inside);
    if (this.entries.has(path)) await this.unlink(path);
  }

  syncDir(): Promise<void> {
    return Promise.resolve();
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#change('setMode', path, () => (this.#get(path) as { mode: number }).mode = mode);
  }

  setOwner(path: string, owner: Owner): Promise<void> {
    return this.#change('setOwner', path, () => Object.assign(this.#get(path), owner));
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.free);
  }

  #get(path: string): Entry {
    const entry = this.entries.get(path);
    if (!entry) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return entry;
  }

  async #change(op: string, path: string, change: () => unknown): Promise<void> {
    await Promise.resolve();
    this.before({ op, path });
    change();
    this.after({ op, path });
  }
}
