import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, chmod, chown, lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { WorkflowError } from '../errors.ts';
import { canTraverse } from './account.ts';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';

export const ROLE = 'godwit';
export const DATABASE = 'godwit';
const SECRET = 'godwit-password';

/** One data directory on disk, initialized. */
export interface Cluster {
  readonly pgData: string;
  readonly socketDir: string;
  readonly logFile: string;
  readonly password: string;
  readonly durable: boolean;
}

/** Small: a newcomer's machine runs whole OpenStack sites beside it. Durable: fsync and full_page_writes stay on. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "''",
  max_connections: '60',
  shared_buffers: '32MB',
  work_mem: '1MB',
  maintenance_work_mem: '16MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '128MB',
  min_wal_size: '32MB',
  max_parallel_workers: '0',
  max_logical_replication_workers: '0',
  max_parallel_workers_per_gather: '0',
  autovacuum_max_workers: '1',
  io_method: 'sync',
  jit: 'off',
  huge_pages: 'off',
  log_min_messages: 'warning',
  log_line_prefix: "'%m [%p] '",
  timezone: "'UTC'",
  log_timezone: "'UTC'",
};

/** Initializes the data directory unless that was done before. Of two processes doing so at once, one's work is kept. */
export async function prepareCluster(dataDir: string, binaries: Binaries, account: Account, durable = true): Promise<Cluster> {
  const dir = resolve(dataDir);
  // Only the directory itself is the server's own: those above it must let its user through.
  await mkdir(dirname(dir), { recursive: true, mode: 0o755 });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (account.switch) await chown(dir, account.uid, account.gid);
  await chmod(dir, 0o700);
  if (!(await canTraverse(dir, account))) {
    throw new WorkflowError({
      code: 'GW_POSTGRES_DATA_DIR',
      kind: 'terminal',
      message: `The user "${account.name}" that is to run PostgreSQL may not enter ${dir}: a directory above it is closed to it. `
        + 'Choose a data directory elsewhere, /var/lib/godwit say, or set DATABASE_URL.',
    });
  }
  const pgData = join(dir, 'pg');
  const secret = join(pgData, SECRET);
  if (!(await exists(secret))) await initialize(dir, pgData, binaries, account, durable);
  return { pgData, durable, socketDir: await makeSocketDir(dir, account), logFile: join(dir, 'postgres.log'), password: (await readFile(secret, 'utf8')).trim() };
}

async function initialize(dir: string, pgData: string, binaries: Binaries, account: Account, durable: boolean): Promise<void> {
  // Made aside and renamed, secret and all: a crash in the middle leaves nothing that looks like a data directory,
  // and a second process that initializes at the same time cannot mix its own secret in.
  const half = await mkdtemp(join(dir, '.init-'));
  const data = join(half, 'pg');
  const password = randomBytes(24).toString('base64url');
  const passwordFile = join(half, 'password');
  try {
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (account.switch) for (const path of [half, passwordFile]) await chown(path, account.uid, account.gid);
    await promisify(execFile)(binaries.initdb, [
      '-D', data, '-U', ROLE, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8',
      '--locale=C', '--no-instructions', ...(durable ? [] : ['--no-sync']), ...Object.entries(SETTINGS).flatMap(([k, v]) => ['-c', `${k}=${v.replaceAll("'", '')}`]),
    ], { cwd: half, env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' }, ...(account.switch ? { uid: account.uid, gid: account.gid } : {}) });
    const secret = join(data, SECRET);
    await writeFile(secret, `${password}\n`, { mode: 0o600 });
    if (account.switch) await chown(secret, account.uid, account.gid);
    await rename(data, pgData);
  } catch (e) {
    if (await exists(join(pgData, SECRET))) return;
    const output = String((e as { stderr?: unknown }).stderr ?? '').trim();
    throw new WorkflowError({
      code: 'GW_POSTGRES_INIT',
      kind: 'terminal',
      message: `PostgreSQL's data directory could not be made in ${dir}: ${output || (e as Error).message}`,
    }, { cause: e });
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}

/** In the data directory, or, as a socket's path may have 107 bytes only, in a directory of ours under /tmp. */
async function makeSocketDir(dir: string, account: Account): Promise<string> {
  const near = join(dir, 'run');
  const socketDir = Buffer.byteLength(join(near, '.s.PGSQL.5432.lock')) <= 100 ? near
    : join(tmpdir(), `godwit-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`);
  try {
    await mkdir(socketDir, { mode: 0o700 });
    if (account.switch) await chown(socketDir, account.uid, account.gid);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e;
    // In /tmp, anyone could have made it first, to take our password at their own socket.
    const s = await lstat(socketDir);
    if (!s.isDirectory() || (s.uid !== account.uid && s.uid !== process.getuid?.()) || (s.mode & 0o077) !== 0) {
      throw new WorkflowError({
        code: 'GW_POSTGRES_DATA_DIR',
        kind: 'terminal',
        message: `${socketDir}, needed for PostgreSQL's socket, belongs to another user or is open to others. Remove it, or choose a data directory with a shorter path.`,
      });
    }
    if (account.switch && s.uid !== account.uid) await chown(socketDir, account.uid, account.gid);
  }
  return socketDir;
}

export function databaseUrl(cluster: Cluster, database: string = DATABASE): string {
  return `postgresql://${ROLE}:${encodeURIComponent(cluster.password)}@localhost/${database}?host=${encodeURIComponent(cluster.socketDir)}`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
