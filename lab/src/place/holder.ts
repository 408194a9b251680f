import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { LabError } from '../errors.ts';
import { tail } from '../host/exec.ts';
import { formatPidFile, identify, isAlive, parsePidFile, type ProcessIdentity } from '../host/pid.ts';

/**
 * A place (a site, the WAN, `ops`) lives exactly as long as one process: its holder, which keeps the namespaces. In a site the
 * holder is pid 1 of the pid namespace, so killing it makes the kernel kill everything in the site at once, and mounts and
 * links go with the last process. A variable in the environment marks holders, so that one whose pid file was lost (the lab
 * was killed between spawning and writing) is still found.
 */
const marker = 'GODWIT_LAB_HOLDER';

export interface HolderSpec {
  readonly name: string;
  /** Folder of this run; holders of different runs are told apart by it. */
  readonly runDir: string;
  readonly namespaces: readonly ('mount' | 'pid' | 'net' | 'uts' | 'ipc')[];
  /** Shell text that prepares the place and ends by `exec`-ing what stays. */
  readonly script: string;
  readonly args: readonly string[];
}

const pidFile = (runDir: string, name: string): string => join(runDir, 'pids', name);

/** The holder of a place, if it is alive. */
export function findHolder(runDir: string, name: string): ProcessIdentity | undefined {
  const file = pidFile(runDir, name);
  if (!existsSync(file)) return undefined;
  const identity = parsePidFile(readFileSync(file, 'utf8'));
  return identity && isAlive(identity) ? identity : undefined;
}

/** Every process of this run that carries the holders' mark, whether its pid file is there or not. */
export function scanHolders(runDir: string): { pid: number; name: string }[] {
  const found: { pid: number; name: string }[] = [];
  const prefix = `${marker}=${runDir}:`;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const line = readFileSync(`/proc/${entry}/environ`, 'latin1')
        .split('\0')
        .find((v) => v.startsWith(prefix));
      if (line !== undefined) found.push({ pid: Number(entry), name: line.slice(prefix.length) });
    } catch {
      // ended meanwhile
    }
  }
  return found;
}

/** The process's own pid in each nested pid namespace, outermost first. */
function namespacePids(pid: number): number[] {
  try {
    const match = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
    return (match?.[1] ?? '').trim().split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

/** Starts a place and waits until its script has prepared it (it then creates /run/lab/ready, or is simply there without a mount namespace). */
export async function startHolder(spec: HolderSpec): Promise<ProcessIdentity> {
  mkdirSync(join(spec.runDir, 'pids'), { recursive: true });
  const logFile = join(spec.runDir, `${spec.name}.holder.log`);
  const log = openSync(logFile, 'w');
  const withPid = spec.namespaces.includes('pid');
  const child = spawn(
    'unshare',
    [
      ...spec.namespaces.map((n) => `--${n}`),
      ...(withPid ? ['--fork', '--kill-child=SIGKILL'] : []),
      ...(spec.namespaces.includes('mount') ? ['--propagation', 'private'] : []),
      'sh', '-c', spec.script, spec.name, ...spec.args,
    ],
    { detached: true, stdio: ['ignore', log, log], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', [marker]: `${spec.runDir}:${spec.name}` } },
  );
  closeSync(log);
  child.unref();
  let failed: Error | undefined;
  child.on('error', (error) => (failed = error));
  const fail = (why: string): LabError =>
    new LabError('LAB_PLACE', `${spec.name} could not be made: ${why}\n${tail(readFileSync(logFile, 'utf8'))}`, { site: spec.name });
  const deadline = Date.now() + 20_000;
  for (;;) {
    if (failed) throw fail(failed.message);
    if (child.exitCode !== null || child.signalCode !== null) throw fail('its first process ended');
    const pid = child.pid === undefined ? undefined : readyPid(child.pid, spec);
    const identity = pid === undefined ? undefined : identify(pid);
    if (identity) {
      writeFileSync(pidFile(spec.runDir, spec.name), formatPidFile(identity));
      return identity;
    }
    if (Date.now() > deadline) throw fail('it was not ready after 20 s');
    await delay(20);
  }
}

function readyPid(parent: number, spec: HolderSpec): number | undefined {
  if (!spec.namespaces.includes('pid')) {
    // unshare has become the script's last command once the namespace differs from ours.
    try {
      const own = readlinkSync('/proc/self/ns/net');
      const theirs = readlinkSync(`/proc/${String(parent)}/ns/net`);
      return own !== theirs && readFileSync(`/proc/${String(parent)}/comm`, 'utf8').trim() === 'sleep' ? parent : undefined;
    } catch {
      return undefined;
    }
  }
  for (const { pid, name } of scanHolders(spec.runDir)) {
    if (name !== spec.name) continue;
    const pids = namespacePids(pid);
    if (pids.length > 1 && pids.at(-1) === 1 && existsSync(`/proc/${String(pid)}/root/run/lab/ready`)) return pid;
  }
  return undefined;
}

function sigkill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // already gone
  }
}

/** Processes in the same network namespace as `pid`: commands that someone runs in `ops`, for instance. */
export function processesInNetworkOf(pid: number): number[] {
  let namespace: string;
  try {
    namespace = readlinkSync(`/proc/${String(pid)}/ns/net`);
    if (namespace === readlinkSync('/proc/self/ns/net')) return [];
  } catch {
    return [];
  }
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return readlinkSync(`/proc/${entry}/ns/net`) === namespace;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/**
 * Kills a place: its holder and every process that shares its namespaces. Returns when the last of them is gone. A place that
 * is not there is no error.
 */
export async function killPlace(runDir: string, name: string): Promise<void> {
  const identity = findHolder(runDir, name);
  const doomed = new Set<number>();
  if (identity) {
    // The holder first: in a site this is the power cut, and the others are already dying when they are looked for.
    const neighbours = processesInNetworkOf(identity.pid);
    sigkill(identity.pid);
    for (const pid of neighbours) doomed.add(pid);
  }
  for (const holder of scanHolders(runDir)) if (holder.name === name) doomed.add(holder.pid);
  doomed.delete(process.pid);
  for (const pid of doomed) sigkill(pid);
  if (identity) doomed.add(identity.pid);
  const deadline = Date.now() + 30_000;
  while ([...doomed].some((pid) => identify(pid) !== undefined)) {
    if (Date.now() > deadline) throw new LabError('LAB_PLACE', `${name} did not die within 30 s`, { kind: 'retryable', site: name });
    await delay(20);
  }
  rmSync(pidFile(runDir, name), { force: true });
}
