import { join } from 'node:path';
import { reason } from '../protocol/errors.ts';
import type { Problem } from '../protocol/values.ts';
import type { Files, Owner, Stat } from '../node/files.ts';
import { isIndex, isIndexToPython, keyText } from './key.ts';

/** Our own directory in the repository: Keystone passes over directories. On the same file system, so that a file can be renamed out of it. */
export const ownDir = '.godwit';
export const nowhere = '/dev/null';

export interface Contents {
  /** By index; undefined: not a key. */
  readonly disk: Record<string, string | undefined>;
  readonly retired: string[];
  /** Of our keys whose mode or owner is not as configured. */
  readonly toMend: string[];
  readonly problems: Problem[];
}

/** What lies in a key repository, as Keystone sees it. Throws only when the directory itself cannot be listed. */
export async function readContents(files: Files, path: string, mode: number, owner: Owner): Promise<Contents> {
  const contents: Contents = { disk: {}, retired: [], toMend: [], problems: [] };
  const note = (code: string, message: string): void => void contents.problems.push({ code, message });
  const names = (await files.list(path)).sort();
  for (const name of names) {
    if (name === ownDir) continue;
    const file = join(path, name);
    const stat = await files.stat(file);
    if (!stat) continue;
    if (isIndex(name) && stat.kind === 'link' && (await files.readLink(file)) === nowhere) {
      contents.retired.push(name);
    } else if (isIndex(name) && stat.kind === 'file') {
      const text = await files.read(file).catch((error: unknown) => {
        note('GW_AGENT_REPO_UNREADABLE', `key ${name} cannot be read: ${reason(error)}`);
        return '';
      });
      // Keystone passes over an empty file, and fails at one that is no key.
      if (text !== '') contents.disk[name] = keyText(text);
      if (text === '' || contents.disk[name] === undefined) note('GW_AGENT_REPO_EDITED', `key ${name} is ${text === '' ? 'empty' : 'not a key'}`);
      if (isWrong(stat, mode, owner)) {
        contents.toMend.push(name);
        note('GW_AGENT_REPO_OWNER', `key ${name} has mode ${octal(stat.mode)} and belongs to ${stat.uid}:${stat.gid}, not ${octal(mode)} and ${owner.uid}:${owner.gid}`);
      }
    } else {
      const asKey = isIndexToPython(name) || isIndex(name);
      note(asKey ? 'GW_AGENT_REPO_FOREIGN' : 'GW_AGENT_REPO_STRAY', asKey ? `${JSON.stringify(name)} is taken for a key by Keystone, and is none of ours` : `${JSON.stringify(name)} does not belong there; Keystone opens it all the same`);
    }
  }
  const dir = await files.stat(path);
  if (dir && (dir.mode & 0o007) !== 0) note('GW_AGENT_REPO_OWNER', `${path} is open to everybody (mode ${octal(dir.mode)})`);
  return contents;
}

const isWrong = (stat: Stat, mode: number, owner: Owner): boolean => stat.mode !== mode || stat.uid !== owner.uid || stat.gid !== owner.gid;
const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
