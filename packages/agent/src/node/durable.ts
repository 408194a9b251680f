import { dirname } from 'node:path';
import type { Files, Owner } from './files.ts';

/** A file is the old one or the new one, whatever fails in between, and the new one when this has returned. */
export async function writeDurably(files: Files, path: string, text: string, mode: number, owner?: Owner): Promise<void> {
  const part = `${path}.new`;
  await files.write(part, text, mode, owner);
  await files.rename(part, path);
  await files.syncDir(dirname(path));
}

/** Undefined when there is none. */
export async function readIfThere(files: Files, path: string): Promise<string | undefined> {
  try {
    return await files.read(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
