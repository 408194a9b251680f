import { link, readFile, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What PostgreSQL writes to `postmaster.pid`. */
export interface PidFile {
  readonly pid: number;
  readonly socketDir: string;
  readonly ready: boolean;
  readonly text: string;
}

export async function readPidFile(pgData: string): Promise<PidFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(pgData, 'postmaster.pid'), 'utf8');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw e;
  }
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  // Caught while it is being written: the caller looks again.
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, socketDir: lines[4] ?? '', ready: (lines[7] ?? '').trim() === 'ready', text };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether process `pid` is the server of this data directory, and not another that got a dead server's number: a server's working
 * directory is its data directory. Where the system does not tell (no /proc), a running process is taken for the server.
 */
export async function isServerOf(pgData: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(pgData));
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ENOENT') return true;
    return !(await stat('/proc/self').then(() => true, () => false)) && isAlive(pid);
  }
}

/**
 * Removes a pid file whose number belongs to a process that is not our server: PostgreSQL would refuse to start over it.
 * (One whose process is gone it replaces by itself.) If another process has put a new file there meanwhile, that one stays.
 */
export async function removeStalePidFile(pgData: string, stale: PidFile): Promise<void> {
  const path = join(pgData, 'postmaster.pid');
  const aside = `${path}.stale-${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8')) !== stale.text) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
