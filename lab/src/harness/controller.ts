import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, readFileSync, existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import type { Lab } from '../index.ts';
import { eventually } from './wait.ts';

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export interface ControllerOptions {
  /** One with a name has a configuration and a log of its own, and an empty database. */
  readonly name?: string;
  /** Stops the process there, by SIGKILL: `workflow:step:boundary`. */
  readonly crashAt?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** One with a name goes on with the database of its earlier life. */
  readonly keepDatabase?: boolean;
  /** Sites beside the lab's own, as in godwit.yaml. */
  readonly extraSites?: Readonly<Record<string, unknown>>;
  /** Changes the configuration before the start. */
  readonly configure?: (config: Record<string, unknown>) => void;
}

export interface Controller {
  readonly url: string;
  readonly configFile: string;
  readonly pid: number;
  /** Resident memory of the controller, without its database, MiB. */
  residentMiB(): number;
  readonly log: () => string;
  /** Resolves when the process has ended, by whatever. */
  readonly ended: Promise<void>;
  /** SIGKILL, as by a power cut; its embedded database goes on and is adopted by the next. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** A controller that an interrupted run left is ended, and only that: the pid file's process must have our configuration in its arguments. */
async function endLeftOver(pidFile: string, configFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  const argv = pid > 0 ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : '';
  if (!argv.includes(configFile)) return;
  process.kill(pid, 'SIGKILL');
  await eventually('the left-over controller to end', () => !existsSync(`/proc/${pid}`), { timeoutMs: 20_000, everyMs: 100 });
}

function residentMiB(pid: number): number {
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) / 1024);
}

/** Starts the real controller, as its own process in the network `ops`, and waits until it is ready. */
export async function startController(lab: Lab, options: ControllerOptions = {}): Promise<Controller> {
  const name = options.name ?? 'controller';
  const dir = join(lab.paths.state, 'harness', name);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const config = parse(await readFile(lab.paths.godwit, 'utf8')) as { sites: Record<string, unknown>; server: { listen: string; publicUrl?: string }; database: { embedded: string } };
  const host = config.server.listen.split(':')[0] ?? '';
  const port = options.port ?? 8790;
  config.server.listen = `${host}:${port}`;
  Object.assign(config.sites, options.extraSites);
  // So that a Glance can fetch through it.
  config.server.publicUrl = `http://${host}:${port}`;
  // In the run's folder, which goes when the lab is taken down.
  options.configure?.(config);
  const configFile = join(dir, 'godwit.yaml');
  const before = options.keepDatabase === true ? (parse(await readFile(configFile, 'utf8')) as typeof config).database.embedded : undefined;
  if (options.name !== undefined) config.database.embedded = before ?? join(lab.paths.state, 'run', `pg-${name}-${Date.now().toString(36)}`);
  await writeFile(configFile, stringify(config), { mode: 0o600 });
  const logFile = join(dir, 'controller.log');
  const pidFile = join(dir, 'controller.pid');
  await endLeftOver(pidFile, configFile);
  const { argv, env } = lab.spawnArgs('ops', [process.execPath, join(projectRoot, 'bin', 'godwit-server.mjs'), '--config', configFile]);
  const fd = openSync(logFile, 'a');
  const child: ChildProcess = spawn(argv[0] ?? '', argv.slice(1), {
    stdio: ['ignore', fd, fd],
    env: { ...env, ...options.env, ...(options.crashAt === undefined ? {} : { GODWIT_CRASH_AT: options.crashAt }) },
  });
  await writeFile(pidFile, String(child.pid));
  let over = false;
  const ended = new Promise<void>((resolve) => child.once('exit', () => ((over = true), resolve())));
  const url = `http://${host}:${port}`;
  const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  await eventually(
    'the controller to be ready',
    async () => {
      if (over) return 'ended' as const;
      return (await fetch(`${url}/readyz`)).ok ? ('ready' as const) : undefined;
    },
    { timeoutMs: 180_000, everyMs: 250 },
  ).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  if (over) throw new Error(`the controller ended at its start:\n${log().split('\n').slice(-20).join('\n')}`);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!over) child.kill(signal);
    await ended;
  };
  return { url, configFile, pid: child.pid ?? 0, residentMiB: () => residentMiB(child.pid ?? 0), log, ended, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
