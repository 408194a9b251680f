import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseGuestConsole } from './console.ts';
import { checkInvariant } from './invariant.ts';

// The guest's own writer, run by bash on plain directories (in the guest ash runs it; both know $EPOCHREALTIME and `read -t`).
const script = fileURLToPath(new URL('./rootfs/sbin/writer', import.meta.url));
let root: string;
let running: ChildProcess | undefined;
const at = (path: string) => join(root, path);
const text = (path: string) => readFile(at(path), 'latin1').catch(() => '');
const console_ = async () => parseGuestConsole(await text('console'));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'guest-writer-'));
  for (const d of ['data0', 'data1', 'run', 'proc']) await mkdir(at(d));
  await writeFile(at('run/data0'), '');
  await writeFile(at('run/data1'), '');
  await writeFile(at('proc/uptime'), '0.05 1.00\n');
});
afterEach(async () => {
  await powerCut();
  await rm(root, { recursive: true });
});

function boot(): void {
  running = spawn('bash', [script], { env: { PATH: process.env['PATH'], GUEST_ROOT: root, GUEST_CONSOLE: at('console') }, stdio: 'ignore' });
}
async function powerCut(): Promise<void> {
  const child = running;
  running = undefined;
  if (child === undefined || child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}
const wrote = (n: number) => until(async () => checkInvariant(await text('data0/log'), '').n0 >= n);

test('writes both logs in step and says that it is ready', async () => {
  boot();
  await wrote(3);
  await powerCut();
  expect(checkInvariant(await text('data0/log'), await text('data1/log'))).toMatchObject({ ok: true });
  expect(await console_()).toMatchObject({ ready: true, resumes: [{ n0: 0, n1: 0 }], errors: [] });
});

test.each([
  ['whole pairs', '1 1.00 5.1\n2 1.10 5.2\n', '1 1.00 5.1\n2 1.10 5.2\n', 2, 2],
  ['half a pair', '1 1.00 5.1\n2 1.10 5.2\n', '1 1.00 5.1\n', 2, 1],
  ['half a line', '1 1.00 5.1\n2 1.1', '1 1.00 5.1\n', 1, 1],
  ['zeros in place of a line', '1 1.00 5.1\n2 1.10 5.2\n', '1 1.00 5.1\n\0\0\0\0\0\0\0\0\0\0\0\0', 2, 1],
  ['many zeros', `1 1.00 5.1\n${'\0'.repeat(700)}`, '1 1.00 5.1\n', 1, 1],
])('goes on after a power cut that left %s', async (_name, log0, log1, n0, n1) => {
  await writeFile(at('data0/log'), log0);
  await writeFile(at('data1/log'), log1);
  boot();
  await wrote(n0 + 2);
  await powerCut();
  expect((await console_()).resumes).toEqual([{ n0, n1 }]);
  expect(checkInvariant(await text('data0/log'), await text('data1/log'))).toMatchObject({ ok: true, violations: [] });
});

test('disks that do not belong together stay told apart', async () => {
  await writeFile(at('data0/log'), '1 1.00 5.1\n');
  await writeFile(at('data1/log'), '1 1.00 5.1\n2 1.10 5.2\n3 1.20 5.3\n');
  boot();
  await wrote(4);
  await powerCut();
  expect((await console_()).errors).toEqual(['logs do not belong together n0=1 n1=3']);
  expect(checkInvariant(await text('data0/log'), await text('data1/log')).ok).toBe(false);
});

test('without a root disk it writes nothing and says so', async () => {
  await rm(at('run/data0'));
  boot();
  await until(async () => (await console_()).errors.length > 0);
  expect((await console_()).errors).toEqual(['writer: no root disk']);
  expect(await text('data0/log')).toBe('');
});

test('a pause of the writer is a gap with its length', async () => {
  boot();
  await wrote(2);
  await writeFile(at('proc/later'), '9.98 1.00\n');
  await rename(at('proc/later'), at('proc/uptime'));
  await until(async () => (await console_()).gaps.length > 0);
  expect((await console_()).gaps).toMatchObject([{ fromS: 0.05, toS: 9.98, ms: 9930 }]);
});
