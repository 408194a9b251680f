import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Progress } from '../engine/progress.ts';
import { LabError, messageOf } from '../errors.ts';
import { chooseMirror, readAptSources, type Mirror } from '../host/apt-sources.ts';
import { execOk } from '../host/exec.ts';
import type { LabPaths } from '../paths.ts';
import { packages, suite, treeKey } from './packages.ts';

export const treeFolder = (paths: LabPaths): string => join(paths.cache, `tree-${treeKey()}`);

export interface TreeOptions {
  /** Overrides the archive that this machine's apt sources name. */
  readonly mirror?: string | undefined;
}

/** The package tree, made when it is not there yet: only a complete one ever has its final name. */
export async function ensureTree(paths: LabPaths, progress: Progress, options: TreeOptions = {}): Promise<string> {
  const folder = treeFolder(paths);
  if (existsSync(folder)) return folder;
  mkdirSync(paths.cache, { recursive: true });
  // What a killed run left: no process of ours is in it any more, or it would hold the lock.
  for (const name of readdirSync(paths.cache)) if (/^tree-[0-9a-f]{12}\.partial$/.test(name)) rmSync(join(paths.cache, name), { recursive: true, force: true });
  const partial = `${folder}.partial`;
  const mirror: Mirror | undefined = options.mirror === undefined ? chooseMirror(readAptSources()) : { archive: options.mirror, security: undefined };
  progress.note(`making the package tree (once): ${String(packages.length)} packages of ${suite} and what they need, about 3.5 GB in ${folder}`);
  await step(progress, 'tree/minimal system', () => debootstrap(partial, mirror));
  await step(progress, 'tree/packages', (waiting) => install(partial, mirror, waiting));
  renameSync(partial, folder);
  return folder;
}

async function step(progress: Progress, key: string, run: (waiting: (why: string) => void) => Promise<void>): Promise<void> {
  progress.start(key);
  try {
    await run((why) => {
      progress.waiting(key, why);
    });
  } catch (error) {
    progress.failed(key);
    throw new LabError('LAB_TREE', `${key}: ${messageOf(error)}\nCheck that this machine reaches its Debian archive, or name another with --mirror.`, { cause: error, kind: 'retryable' });
  }
  progress.done(key);
}

const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive', HOME: '/root' };
const proxies = (): Record<string, string> =>
  Object.fromEntries(Object.entries(process.env).filter(([k, v]) => /^(https?|no|ftp)_proxy$/i.test(k) && v !== undefined)) as Record<string, string>;

/** In a mount namespace of its own: what debootstrap and apt mount in the tree goes with them, even if they are killed. */
const isolated = (argv: readonly string[]): string[] => ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child=SIGKILL', '--', ...argv];

async function debootstrap(target: string, mirror: Mirror | undefined): Promise<void> {
  await execOk(isolated(['debootstrap', '--variant=minbase', suite, target, ...(mirror ? [mirror.archive] : [])]), { env: { ...environment, ...proxies() }, what: 'debootstrap' });
}

async function install(target: string, mirror: Mirror | undefined, waiting: (why: string) => void): Promise<void> {
  if (mirror) {
    const lines = [`deb ${mirror.archive} ${suite} main`, `deb ${mirror.archive} ${suite}-updates main`];
    if (mirror.security !== undefined) lines.push(`deb ${mirror.security} ${suite}-security main`);
    writeFileSync(join(target, 'etc/apt/sources.list'), `${lines.join('\n')}\n`);
  }
  // Packages start no daemon: this is not a machine.
  const policy = join(target, 'usr/sbin/policy-rc.d');
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  chmodSync(policy, 0o755);
  const script = [
    'set -e', 'mount -t proc proc "$1/proc"', 'cp /etc/resolv.conf "$1/etc/resolv.conf"',
    'chroot "$1" apt-get update -q', 'tree=$1; shift',
    'chroot "$tree" apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io "$@"',
    'chroot "$tree" apt-get clean',
  ].join('\n');
  await execOk(isolated(['sh', '-c', script, 'install', target, ...packages]), {
    env: { ...environment, ...proxies() },
    what: 'apt-get install',
    onOutput: (text) => {
      const last = /^(Get:|Unpacking|Setting up|Processing).*$/m.exec(text)?.[0];
      if (last !== undefined) waiting(last);
    },
  });
}
