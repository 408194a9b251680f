import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { configError, isValues, type Values } from './values.ts';

/** Text of a file; rejects as fs.readFile does. */
export type ReadFile = (path: string) => Promise<string>;
export type Env = Readonly<Record<string, string | undefined>>;

/** Where a kind of file is looked for, in order; the first that can be read is the only one. */
export interface SearchPaths {
  readonly clouds: readonly string[];
  readonly secure: readonly string[];
  readonly vendors: readonly string[];
}

const SUFFIXES = ['.yaml', '.yml', '.json'];

/** As openstacksdk: the file that the environment names, then the working directory, the user's and the system's. */
export function searchPaths(env: Env, files?: readonly string[]): SearchPaths {
  const home = env['SNAP_REAL_HOME'] ?? env['HOME'] ?? homedir();
  const directories = files
    ? [...new Set(files.map((file) => dirname(file)))]
    : [...new Set(['.', join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'openstack'), join(home, '.config', 'openstack'), '/etc/xdg/openstack', '/etc/openstack'])];
  const candidates = (name: string): string[] => directories.flatMap((directory) => SUFFIXES.map((suffix) => join(directory, name + suffix)));
  const named = (file: string | undefined): string[] => (file && !files ? [expandHome(file, env)] : []);
  return {
    clouds: [...named(env['OS_CLIENT_CONFIG_FILE']), ...(files ?? candidates('clouds'))],
    secure: [...named(env['OS_CLIENT_SECURE_FILE']), ...candidates('secure')],
    vendors: candidates('clouds-public'),
  };
}

export interface LoadedFile {
  readonly path: string;
  readonly values: Values;
}

/** What was found at the paths that were looked at. */
export type FileCache = Map<string, Promise<LoadedFile | undefined>>;

/** The first of these files that is there and may be read. OS_CONFIG_FILE when it is not a YAML mapping. */
export function loadFirst(paths: readonly string[], readFile: ReadFile, cache: FileCache = new Map()): Promise<LoadedFile | undefined> {
  const key = paths.join('\n');
  let found = cache.get(key);
  if (!found) cache.set(key, (found = lookFor(paths, readFile)));
  return found;
}

async function lookFor(paths: readonly string[], readFile: ReadFile): Promise<LoadedFile | undefined> {
  for (const path of paths) {
    let content: string;
    try {
      content = await readFile(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'EISDIR') continue;
      throw configError('OS_CONFIG_FILE', `${path} cannot be read (${code ?? 'error'})`);
    }
    return { path, values: parseFile(path, content) };
  }
  return undefined;
}

function parseFile(path: string, content: string): Values {
  let values: unknown;
  try {
    values = parse(content);
  } catch (error) {
    // The message of the parser quotes the line, and the line may hold a password.
    const line = (error as { linePos?: { line: number }[] }).linePos?.[0]?.line;
    throw configError('OS_CONFIG_FILE', `${path} is not valid YAML${line === undefined ? '' : ` (line ${line})`}`);
  }
  if (!isValues(values)) throw configError('OS_CONFIG_FILE', `${path} is empty or not a mapping`);
  return values;
}

export function expandHome(path: string, env: Env): string {
  return path.startsWith('~/') ? join(env['HOME'] ?? homedir(), path.slice(2)) : path;
}
