import { chmod, chown, lstat, mkdir, open, readdir, readFile, readlink, rename, rm, statfs, symlink, unlink } from 'node:fs/promises';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Stat extends Owner {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits. */
  readonly mode: number;
}

/** What of a file system is used where the power may fail between any two calls. Tests crash between them. */
export interface Files {
  list(dir: string): Promise<string[]>;
  /** Of the entry itself, not of what a link points to; undefined when there is none. */
  stat(path: string): Promise<Stat | undefined>;
  read(path: string): Promise<string>;
  readLink(path: string): Promise<string>;
  /** A new file, or an old one emptied; on the disk, with its owner, when this returns. */
  write(path: string, text: string, mode: number, owner?: Owner): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeDir(path: string, mode: number, owner?: Owner): Promise<void>;
  /** With all in it; none is no error. */
  removeDir(path: string): Promise<void>;
  /** Names that were made, changed or removed in it are on the disk when this returns. */
  syncDir(path: string): Promise<void>;
  setMode(path: string, mode: number): Promise<void>;
  setOwner(path: string, owner: Owner): Promise<void>;
  freeBytes(path: string): Promise<number>;
}

export const diskFiles: Files = {
  list: (dir) => readdir(dir),
  async stat(path) {
    try {
      const s = await lstat(path);
      const kind = s.isFile() ? 'file' : s.isDirectory() ? 'directory' : s.isSymbolicLink() ? 'link' : 'other';
      return { kind, mode: s.mode & 0o7777, uid: s.uid, gid: s.gid };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
  read: (path) => readFile(path, 'utf8'),
  readLink: (path) => readlink(path),
  async write(path, text, mode, owner) {
    // A file from before keeps its mode when it is emptied: none may be left that others can read.
    await rm(path, { force: true });
    const file = await open(path, 'wx', mode);
    try {
      // The umask may have taken bits away.
      await file.chmod(mode);
      if (owner) await file.chown(owner.uid, owner.gid);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename: (from, to) => rename(from, to),
  symlink: (target, path) => symlink(target, path),
  unlink: (path) => unlink(path),
  async makeDir(path, mode, owner) {
    await mkdir(path, { recursive: true, mode });
    if (owner) await chown(path, owner.uid, owner.gid);
  },
  removeDir: (path) => rm(path, { recursive: true, force: true }),
  async syncDir(path) {
    const dir = await open(path, 'r');
    try {
      await dir.sync();
    } finally {
      await dir.close();
    }
  },
  setMode: (path, mode) => chmod(path, mode),
  setOwner: (path, owner) => chown(path, owner.uid, owner.gid),
  async freeBytes(path) {
    const s = await statfs(path);
    return s.bavail * s.bsize;
  },
};
