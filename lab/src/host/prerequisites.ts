import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { Progress } from '../engine/progress.ts';
import { LabError } from '../errors.ts';
import { execOk } from './exec.ts';

/** Commands that the lab runs on the machine itself, and the Debian package of each. */
const commands: Readonly<Record<string, string>> = {
  debootstrap: 'debootstrap', ip: 'iproute2', nsenter: 'util-linux', unshare: 'util-linux', mount: 'mount', zstd: 'zstd',
};

const onPath = (command: string): boolean => ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((d) => existsSync(join(d, command)));

/** Refuses a machine that cannot carry a lab, and installs small tools that it lacks, saying so. */
export async function ensurePrerequisites(progress: Progress): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new LabError('LAB_HOST', 'the lab needs Linux and root: it makes namespaces and mounts');
  const missing = [...new Set(Object.entries(commands).filter(([c]) => !onPath(c)).map(([, p]) => p))];
  if (missing.length === 0) return;
  if (!onPath('apt-get')) throw new LabError('LAB_HOST', `the lab needs ${missing.join(', ')}, and there is no apt-get to install them with`);
  progress.note(`installing on this machine: ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } as Record<string, string>;
  await execOk(['apt-get', 'update', '-q'], { env, what: 'apt-get update' });
  await execOk(['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...missing], { env, what: `apt-get install ${missing.join(' ')}` });
}
