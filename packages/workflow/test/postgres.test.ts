import { spawn } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startEmbeddedPostgres } from '../src/index.ts';
import type { EmbeddedPostgres } from '../src/index.ts';
import { chooseAccount, canTraverse } from '../src/postgres/account.ts';
import { findBinaries, findPackage } from '../src/postgres/binaries.ts';
import { eventually, testEngine } from './server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const cleanup: (() => Promise<unknown>)[] = [];
let template = '';

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'gw-pg-'));
  await chmod(template, 0o755);
  await (await startEmbeddedPostgres({ dataDir: join(template, 'data'), durable: false })).stop();
});
afterAll(() => rm(template, { recursive: true, force: true }));
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gw-pg-'));
  await chmod(dir, 0o755);
  cleanup.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A data directory that was initialized before: that takes most of a start's time. */
async function usedDir(): Promise<string> {
  const dataDir = join(await tempDir(), 'data');
  await cp(join(template, 'data'), dataDir, { recursive: true, preserveTimestamps: true });
  const { uid, gid } = await stat(join(template, 'data'));
  const give = async (path: string): Promise<void> => {
    await chown(path, uid, gid);
    if (!(await stat(path)).isDirectory()) return;
    await Promise.all((await readdir(path)).map((name) => give(join(path, name))));
  };
  await give(dataDir);
  return dataDir;
}

async function start(dataDir: string, log: string[] = [], durable = false): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, durable, log: (_level, message) => { log.push(message); } });
  cleanup.push(() => server.stop());
  return server;
}

async function ask(url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return Object.values((await client.query<Record<string, unknown>>(text)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  test('never runs as root, listens on no network address, and keeps its password to itself', async () => {
    const dataDir = join(await tempDir(), 'data');
    const server = await start(dataDir, [], true);
    expect(await ask(server.databaseUrl, 'SHOW listen_addresses')).toBe('');
    expect(await ask(server.databaseUrl, 'SHOW fsync')).toBe('on');
    expect((await stat(`/proc/${server.pid}`)).uid).not.toBe(0);
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    expect((await stat(join(dataDir, 'pg', 'godwit-password'))).mode & 0o777).toBe(0o600);
    const password = new URL(server.databaseUrl).password;
    expect(await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(password);
    const wrong = new URL(server.databaseUrl);
    wrong.password = 'wrong';
    await expect(ask(wrong.toString(), 'SELECT 1')).rejects.toThrow(/password/);
  });

  test('that is running already is adopted, with its data', async () => {
    const dataDir = await usedDir();
    const log: string[] = [];
    const first = await start(dataDir);
    await ask(first.databaseUrl, 'CREATE TABLE t AS SELECT 7 AS n');
    const second = await start(dataDir, log);
    expect(second.pid).toBe(first.pid);
    expect(log).toEqual([`adopted the running PostgreSQL (pid ${first.pid})`]);
    expect(await ask(second.databaseUrl, 'SELECT n FROM t')).toBe(7);
  });

  test('started by two at once is one', async () => {
    const dataDir = join(await tempDir(), 'data');
    const [a, b] = await Promise.all([start(dataDir), start(dataDir)]);
    expect(a.pid).toBe(b.pid);
    expect(a.databaseUrl).toBe(b.databaseUrl);
    expect(await ask(a.databaseUrl, 'SELECT 1')).toBe(1);
  });

  test('starts over the pid file of a dead server whose number another process has now', async () => {
    const dataDir = await usedDir();
    const first = await start(dataDir);
    await ask(first.databaseUrl, 'CREATE TABLE t AS SELECT 7 AS n');
    const pidFile = join(dataDir, 'pg', 'postmaster.pid');
    const text = await readFile(pidFile, 'utf8');
    await first.stop();
    // Of the server's own user: PostgreSQL itself would take it for a running server.
    const account = await chooseAccount();
    const other = spawn('sleep', ['60'], { cwd: '/', stdio: 'ignore', ...(account.switch ? { uid: account.uid, gid: account.gid } : {}) });
    cleanup.push(() => Promise.resolve(other.kill('SIGKILL')));
    await writeFile(pidFile, text.replace(/^\d+/, String(other.pid)), { mode: 0o600 });
    const second = await start(dataDir);
    expect(second.pid).not.toBe(other.pid);
    expect(await ask(second.databaseUrl, 'SELECT n FROM t')).toBe(7);
    expect(other.exitCode).toBeNull();
  });

  test('that is killed in the middle of jobs is started again, and the jobs end; no recorded step is redone', async () => {
    const dataDir = await usedDir();
    const server = await start(dataDir);
    const engine = testEngine(server.databaseUrl);
    cleanup.push(() => engine.stop());
    const ran: string[] = [];
    const w = engine.define({
      name: 'w',
      run: async (ctx) => {
        for (const i of [1, 2, 3, 4, 5, 6]) {
          await ctx.step(`s${i}`, async (s) => {
            ran.push(`${ctx.jobId} ${i}`);
            s.progress({ phase: 'p', done: i });
            if (i === 3) await killed;
          });
        }
        return 'end';
      },
    });
    const killed = eventually(() => ran.filter((r) => r.endsWith(' 3')).length >= 3).then(async () => {
      const pid = server.pid;
      process.kill(pid, 'SIGKILL');
      await eventually(() => server.pid !== pid);
    });
    await engine.start();
    const ids = await Promise.all(['a', 'b', 'c'].map((key) => w.submit({}, { key, jobId: key })));
    expect(await Promise.all(ids.map((id) => w.result(id)))).toEqual(['end', 'end', 'end']);
    for (const id of ids) expect(ran.filter((r) => r.startsWith(id))).toEqual([1, 2, 3, 4, 5, 6].map((i) => `${id} ${i}`));
  });

  test('is gone after stop()', async () => {
    const server = await start(await usedDir());
    const { pid } = server;
    await server.stop();
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    await server.stop();
  });

  test('works in a directory whose path is too long for a socket', async () => {
    const server = await start(join(await tempDir(), 'x'.repeat(100), 'data'));
    cleanup.unshift(() => rm(new URL(server.databaseUrl).searchParams.get('host') ?? '', { recursive: true, force: true }));
    expect(await ask(server.databaseUrl, 'SELECT 1')).toBe(1);
  });
});

describe('the programs of the embedded PostgreSQL', () => {
  const other = { name: 'somebody', uid: 64_999, gid: 64_999, switch: true };

  test('for a platform that npm has none for: the error names the way out', () => {
    expect(() => findPackage('plan9-mips')).toThrow(expect.objectContaining({ code: 'GW_POSTGRES_UNAVAILABLE', kind: 'terminal', message: expect.stringContaining('DATABASE_URL') as unknown }) as Error);
  });

  test('are copied, whole, to where the server\'s user can reach them, when it cannot enter the clone', async () => {
    const dir = await tempDir();
    const root = join(dir, 'closed', 'package');
    await mkdir(join(root, 'native', 'bin'), { recursive: true });
    await mkdir(join(root, 'native', 'lib'));
    await writeFile(join(root, 'package.json'), '{"version":"1.2.3"}');
    await writeFile(join(root, 'native', 'bin', 'postgres'), 'program', { mode: 0o700 });
    await writeFile(join(root, 'native', 'lib', 'libx.so.1.0'), 'library', { mode: 0o600 });
    await writeFile(join(root, 'native', 'pg-symlinks.json'), JSON.stringify([{ source: 'native/lib/libx.so.1.0', target: 'native/lib/libx.so.1' }]));
    await chmod(join(dir, 'closed'), 0o700);
    expect(await canTraverse(root, other)).toBe(false);
    const copies = await Promise.all([1, 2].map(() => findBinaries(root, other, join(dir, 'cache'))));
    expect(copies[0]).toEqual(copies[1]);
    const copy = copies[0]?.postgres ?? '';
    expect(copy.startsWith(join(dir, 'cache'))).toBe(true);
    expect(await canTraverse(copy, other)).toBe(true);
    expect((await stat(copy)).mode & 0o777).toBe(0o755);
    expect(await readFile(join(copy, '..', '..', 'lib', 'libx.so.1'), 'utf8')).toBe('library');
  });

  test('get their libraries\' links when the install script did not run', async () => {
    const root = join(await tempDir(), 'package');
    await mkdir(join(root, 'native', 'lib'), { recursive: true });
    await writeFile(join(root, 'native', 'lib', 'libx.so.1.0'), 'library');
    await writeFile(join(root, 'native', 'pg-symlinks.json'), JSON.stringify([{ source: 'native/lib/libx.so.1.0', target: 'native/lib/libx.so' }]));
    const binaries = await findBinaries(root, { ...other, switch: false }, join(root, 'cache'));
    expect(binaries.postgres).toBe(join(root, 'native', 'bin', 'postgres'));
    expect(await readFile(join(root, 'native', 'lib', 'libx.so'), 'utf8')).toBe('library');
  });
});
