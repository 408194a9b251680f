import { spawn } from 'node:child_process';
import { open, readFile, realpath, stat, truncate } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { WorkflowError } from '../errors.ts';
import { chooseAccount } from './account.ts';
import type { Account } from './account.ts';
import { findBinaries, findPackage } from './binaries.ts';
import type { Binaries } from './binaries.ts';
import { DATABASE, databaseUrl, prepareCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { isAlive, isServerOf, readPidFile, removeStalePidFile } from './pid-file.ts';

const START_LIMIT_MS = 60_000;
const LOG_LIMIT_BYTES = 5_000_000;

export interface EmbeddedPostgresOptions {
  /** Made if it is not there; belongs to the server's user afterwards. */
  readonly dataDir: string;
  readonly log?: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
  /** Where a copy of the programs goes when the server's user cannot reach npm's. */
  readonly cacheDir?: string;
  /** The user to run it as when we are root. Default: `postgres`, else `nobody`. */
  readonly user?: string;
  /** False: what is committed survives the death of any process, but not a power cut. For tests. */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  /** Over a unix socket, with the password in it: never log it. */
  readonly databaseUrl: string;
  /** The server's process now; another after a restart. */
  readonly pid: number;
  /** Fast shutdown: open transactions are rolled back. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL, or adopts the one that an earlier (killed) or another process has left running on the data directory,
 * and starts it anew whenever it dies, until stop(). It outlives this process on purpose: a controller that is started again
 * finds its database at once.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const account = await chooseAccount(options.user);
  const binaries = await findBinaries(findPackage(), account, options.cacheDir ?? (account.switch ? '/var/cache/godwit' : `${options.dataDir}-bin`));
  const cluster = await prepareCluster(options.dataDir, binaries, account, options.durable);
  let pid = await run(cluster, binaries, account, log);
  await ensureDatabase(cluster);

  let stopped = false;
  const halt = new AbortController();
  const watch = (async () => {
    for (;;) {
      await delay(500, undefined, { signal: halt.signal, ref: false });
      if (await isServerOf(cluster.pgData, pid)) continue;
      if (stopped) return;
      log('warn', `PostgreSQL (pid ${pid}) has died: starting it again`);
      try {
        pid = await run(cluster, binaries, account, log);
      } catch (e) {
        log('error', `${(e as Error).message} Trying again.`);
      }
    }
  })().catch((e: unknown) => {
    if (!halt.signal.aborted) log('error', `PostgreSQL is no longer watched: ${(e as Error).message}`);
  });

  return {
    databaseUrl: databaseUrl(cluster),
    get pid() { return pid; },
    async stop() {
      stopped = true;
      halt.abort();
      await watch;
      await shutDown(cluster.pgData);
    },
  };
}

/** Returns the pid of a server that answers on the cluster's socket. */
async function run(cluster: Cluster, binaries: Binaries, account: Account, log: NonNullable<EmbeddedPostgresOptions['log']>): Promise<number> {
  const until = Date.now() + START_LIMIT_MS;
  let problem = '';
  for (let child: { exit: Promise<void>; done: boolean } | undefined; Date.now() < until; await delay(50)) {
    const file = await readPidFile(cluster.pgData);
    if (file !== undefined && await isServerOf(cluster.pgData, file.pid)) {
      problem = await connectProblem(cluster);
      if (problem === '') {
        if (child === undefined) log('info', `adopted the running PostgreSQL (pid ${file.pid})`);
        return file.pid;
      }
      continue;
    }
    if (child !== undefined && !child.done) continue;
    if (child !== undefined) {
      problem = await lastLines(cluster.logFile);
      // The dead server's last children may hold its shared memory for a moment, or another process was quicker.
      await delay(300);
    }
    if (file !== undefined && isAlive(file.pid)) await removeStalePidFile(cluster.pgData, file);
    child = await launch(cluster, binaries, account);
  }
  throw new WorkflowError({
    code: 'GW_POSTGRES_START',
    kind: 'terminal',
    message: `PostgreSQL did not start in ${START_LIMIT_MS / 1000} s on ${cluster.pgData}: ${problem || 'no answer'}. See ${cluster.logFile}.`,
  });
}

async function launch(cluster: Cluster, binaries: Binaries, account: Account): Promise<{ exit: Promise<void>; done: boolean }> {
  if (((await stat(cluster.logFile).catch(() => undefined))?.size ?? 0) > LOG_LIMIT_BYTES) await truncate(cluster.logFile);
  const logFile = await open(cluster.logFile, 'a', 0o600);
  try {
    // A process group of its own: a Ctrl-C at the terminal must not reach it before we have put our own affairs in order.
    const child = spawn(binaries.postgres, ['-D', cluster.pgData, '-k', cluster.socketDir, ...(cluster.durable ? [] : ['-c', 'fsync=off', '-c', 'full_page_writes=off'])], {
      cwd: cluster.pgData, detached: true, stdio: ['ignore', logFile.fd, logFile.fd], env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      ...(account.switch ? { uid: account.uid, gid: account.gid } : {}),
    });
    child.unref();
    const state = { exit: Promise.resolve(), done: false };
    state.exit = new Promise((resolve) => {
      const end = (): void => { state.done = true; resolve(); };
      child.once('exit', end);
      child.once('error', end);
    });
    return state;
  } finally {
    await logFile.close();
  }
}

/** Empty when the server answers and is really that of our directory. */
async function connectProblem(cluster: Cluster): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl(cluster, 'postgres'), connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
    const served = rows[0]?.data_directory ?? '';
    return (await realpath(served)) === (await realpath(cluster.pgData)) ? '' : `its socket ${cluster.socketDir} belongs to a server of ${served}`;
  } catch (e) {
    return (e as Error).message;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ensureDatabase(cluster: Cluster): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(cluster, 'postgres') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } catch (e) {
    // 42P04: it is there; 23505: another process is making it this moment.
    if (!['42P04', '23505'].includes((e as { code?: string }).code ?? '')) throw e;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function shutDown(pgData: string): Promise<void> {
  const file = await readPidFile(pgData);
  if (file === undefined || !(await isServerOf(pgData, file.pid))) return;
  for (const [signal, limitMs] of [['SIGINT', 20_000], ['SIGQUIT', 10_000], ['SIGKILL', 5_000]] as const) {
    try {
      process.kill(file.pid, signal);
    } catch {
      return;
    }
    for (const until = Date.now() + limitMs; Date.now() < until; await delay(25)) {
      if (!(await isServerOf(pgData, file.pid))) return;
    }
  }
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-3).join(' | ');
}
