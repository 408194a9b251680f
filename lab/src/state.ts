import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { mountsOfAll } from './host/mounts.ts';
import type { LabPaths } from './paths.ts';

/** What of lab/src decides what the guest image is. */
const guestInputs = ['build', 'disk', 'initrd', 'kernel', 'mbr', 'scratch'].map((f) => `guest/${f}.ts`).concat('guest/rootfs');

/** What of lab/src decides what a first initialization leaves behind. */
const inputs = ['components', 'seed', 'engine/ini.ts', ...guestInputs];

/** The same, of a star: other topologies need not be made anew when it changes. */
const starInputs = ['star'];

function addFiles(hash: ReturnType<typeof createHash>, path: string, name: string): void {
  if (!existsSync(path)) return;
  let entries: string[];
  try {
    entries = readdirSync(path).sort();
  } catch {
    if (name.endsWith('.test.ts')) return;
    hash.update(`${name}\0`).update(readFileSync(path)).update('\0');
    return;
  }
  for (const entry of entries) addFiles(hash, join(path, entry), `${name}/${entry}`);
}

/** Names the guest image that a package tree and the lab's own source make. */
export function guestKey(treeKey: string, sourceDir: string): string {
  const hash = createHash('sha256').update(`${treeKey}\0`);
  for (const input of guestInputs) addFiles(hash, join(sourceDir, 'src', input), input);
  return hash.digest('hex').slice(0, 12);
}

/** Names the initialized state that a package tree, a topology's text and the lab's own source make. */
export function stateKey(treeKey: string, topologyText: string, sourceDir: string, { star = false } = {}): string {
  const hash = createHash('sha256').update(`${treeKey}\0${topologyText}\0`);
  for (const input of [...inputs, ...(star ? starInputs : [])]) addFiles(hash, join(sourceDir, 'src', input), input);
  return hash.digest('hex').slice(0, 12);
}

export interface StateFolders {
  /** Present only when complete. */
  readonly folder: string;
  readonly partial: string;
  secrets(of: string): string;
  /** A site's layer inside the finished or partial folder. */
  layer(of: string, site: string): string;
}

export function stateFolders(paths: LabPaths, key: string): StateFolders {
  const folder = join(paths.cache, `state-${key}`);
  return {
    folder,
    partial: `${folder}.partial`,
    secrets: (of) => join(of, 'secrets.json'),
    layer: (of, site) => join(of, site),
  };
}

/** Turns a finished partial state into the state: only by this rename does it come to exist. */
export function freeze(folders: StateFolders, sites: readonly string[]): void {
  for (const site of sites) rmSync(join(folders.layer(folders.partial, site), 'work'), { recursive: true, force: true });
  rmSync(folders.folder, { recursive: true, force: true });
  renameSync(folders.partial, folders.folder);
}

const mark = 'topology';

/** Writes into a state in the making whose it is. */
export function markState(folders: StateFolders, topology: string): void {
  writeFileSync(join(folders.partial, mark), `${topology}\n`);
}

/** The topology that a state is of; one without a mark is from before there were several. */
function topologyOf(folder: string): string {
  const file = join(folder, mark);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'two-site';
}

/**
 * Removes a topology's states of other keys, and the halves that a killed run of it left. Of each topology only the newest is of use: it is up to 1 GB.
 * One that a running lab (of another GODWIT_LAB_STATE) stands on stays: its files would vanish under it.
 */
export function removeOtherStates(paths: LabPaths, topology: string, keep: string, mounts: string = mountsOfAll()): void {
  if (!existsSync(paths.cache)) return;
  for (const name of readdirSync(paths.cache)) {
    if (!/^state-[0-9a-f]{12}(\.partial)?$/.test(name) || name === `state-${keep}`) continue;
    const folder = join(paths.cache, name);
    if (topologyOf(folder) === topology && !mounts.includes(`${folder}/`)) rmSync(folder, { recursive: true, force: true });
  }
}
