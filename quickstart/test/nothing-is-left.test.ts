import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface Run {
  readonly pid: number;
  output(): string;
  readonly ended: Promise<number | null>;
  over(): boolean;
}

/** `npm start` as npm runs it, in a process group of its own, as a terminal has it. TMPDIR is its mark: its processes and its files are found by it. */
async function start(...args: string[]): Promise<Run & { readonly tmp: string }> {
  const tmp = await mkdtemp(join(tmpdir(), 'gw-qs-'));
  await chmod(tmp, 0o711); // PostgreSQL's own user passes through
  // What tsx has compiled before need not be compiled again.
  const cache = `tsx-${String(process.getuid?.() ?? 0)}`;
  await mkdir(join(tmpdir(), cache), { recursive: true });
  await symlink(join(tmpdir(), cache), join(tmp, cache));
  const child = spawn(process.execPath, [join(root, 'scripts', 'run.mjs'), 'start', ...args], { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: tmp } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d: Buffer) => (text += d.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  onTestFinished(async () => {
    for (const pid of processesOf(tmp)) process.kill(pid, 'SIGKILL');
    await rm(tmp, { recursive: true, force: true });
  });
  let over = false;
  void ended.then(() => (over = true));
  return { pid: child.pid ?? 0, tmp, output: () => text, ended, over: () => over };
}

/** Processes that run in, or were started with, that directory. */
function processesOf(tmp: string): number[] {
  return readdirSync('/proc').filter((p) => /^\d+$/.test(p) && Number(p) !== process.pid).map(Number).filter((pid) => {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(tmp)) return true;
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`TMPDIR=${tmp}`);
    } catch {
      return false;
    }
  });
}

async function said(run: Run, what: RegExp): Promise<void> {
  for (const end = Date.now() + 90_000; !what.test(run.output()); await new Promise((done) => setTimeout(done, 50))) {
    if (Date.now() > end || run.over()) throw new Error(`not said: ${String(what)}\n${run.output()}`);
  }
}

async function nothingIsLeft({ tmp }: { tmp: string }): Promise<void> {
  for (const end = Date.now() + 30_000; processesOf(tmp).length > 0 && Date.now() < end; await new Promise((done) => setTimeout(done, 50)));
  expect(processesOf(tmp)).toEqual([]);
  expect(readdirSync(tmp).filter((f) => f.startsWith('godwit-'))).toEqual([]);
}

it('Ctrl-C while everything comes up leaves nothing', { timeout: 180_000 }, async () => {
  const run = await start();
  await said(run, /OpenStack sites come up/);
  process.kill(-run.pid, 'SIGINT');
  expect(await run.ended).toBe(130);
  await nothingIsLeft(run);
});

it('nor SIGTERM to npm’s process in the middle of a protect', { timeout: 180_000 }, async () => {
  const run = await start('--speed', '20');
  await said(run, /Protecting \(full\)/);
  process.kill(run.pid, 'SIGTERM');
  expect(await run.ended).toBe(143);
  await nothingIsLeft(run);
  expect(existsSync(run.tmp)).toBe(true);
});

it('nor a kill -9 of who started it', { timeout: 180_000 }, async () => {
  const run = await start();
  await said(run, /OpenStack sites come up/);
  process.kill(run.pid, 'SIGKILL');
  await nothingIsLeft(run);
});

it('a port in use and a broken topology are named in one sentence', { timeout: 60_000 }, async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)));
  onTestFinished(() => void server.close());
  const [busy, broken] = await Promise.all([start('--port', String(port)), start('--topology', 'quickstart/test/broken.yaml')]);
  expect([await busy.ended, await broken.ended]).toEqual([2, 2]);
  expect(busy.output()).toBe(`error EMU_PORT: port ${port} of 127.0.0.1 is in use by another process\n`);
  expect(broken.output()).toMatch(/^error EMU_TOPOLOGY: quickstart\/test\/broken\.yaml:12: sites\.site2\.index: .+\n$/);
});
