import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
let dir: string;
let child: ChildProcess | undefined;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-main-'));
  // The embedded PostgreSQL runs as a user of its own, who must get to its directory.
  chmodSync(dir, 0o755);
  const cloud = (port: number) => ({ auth: { auth_url: `http://127.0.0.1:${port}/v3`, username: 'godwit', password: 'hunter2', project_name: 'service', user_domain_name: 'Default', project_domain_name: 'Default' } });
  // Two sites whose Keystones are dead: the controller must come up all the same.
  writeFileSync(join(dir, 'clouds.yaml'), JSON.stringify({ clouds: { one: cloud(9), two: cloud(10) } }));
  const sites = { site1: { cloud: 'one', cloudsFile: 'clouds.yaml' }, site2: { cloud: 'two', cloudsFile: 'clouds.yaml' } };
  writeFileSync(join(dir, 'godwit.yaml'), JSON.stringify({ sites, server: { listen: '127.0.0.1:0' }, database: { embedded: 'pg' } }));
  writeFileSync(join(dir, 'bad.yaml'), JSON.stringify({ sites: { site1: { cloud: 'three', cloudsFile: 'clouds.yaml' } } }));
});
afterEach(() => child?.kill('SIGKILL'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function start(...args: string[]) {
  const { GODWIT_CONFIG: _c, DATABASE_URL: _d, ...env } = process.env;
  const running = spawn(process.execPath, ['--import', 'tsx', main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child = running;
  let [out, err] = ['', ''];
  running.stdout.on('data', (d: Buffer) => (out += d.toString()));
  running.stderr.on('data', (d: Buffer) => (err += d.toString()));
  const ended = once(running, 'exit').then(([code]) => ({ code: code as number | null, out, err }));
  const listening = async (): Promise<string> => {
    await expect.poll(() => out + (running.exitCode === null ? '' : err), { timeout: 50_000, interval: 50 }).toMatch(/listening on|error/);
    return /listening on (\S+)/.exec(out)?.[1] ?? `not listening: ${err}`;
  };
  return { running, ended, listening, log: () => err };
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('godwit-server', () => {
  it('--check says whether a configuration is good, and names what is wrong', { timeout: 120_000 }, async () => {
    expect(await start('--config', join(dir, 'godwit.yaml'), '--check').ended).toMatchObject({ code: 0, out: expect.stringContaining('good; sites site1, site2') as string });
    const bad = await start('--config', join(dir, 'bad.yaml'), '--check').ended;
    expect(bad).toMatchObject({ code: 2, err: expect.stringMatching(/error GW_CONFIG_INVALID: site site1: .*three[^]*what to do/) as string });
    expect(await start().ended).toMatchObject({ code: 2, err: expect.stringContaining('--config or GODWIT_CONFIG') as string });
  });

  it('serves without its sites, comes back after SIGKILL, and leaves nothing behind after SIGTERM', { timeout: 180_000 }, async () => {
    const first = start('--config', join(dir, 'godwit.yaml'));
    const url = await first.listening();
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await fetch(`${url}/v1/groups`, { headers: { 'x-auth-token': 'some-token' } })).status).toBe(503);
    first.running.kill('SIGKILL');
    await first.ended;

    const second = start('--config', join(dir, 'godwit.yaml'));
    expect((await fetch(`${await second.listening()}/readyz`)).status).toBe(200);
    expect(second.log()).toContain('adopted');
    const postgres = Number(/PostgreSQL \(pid (\d+)\)/.exec(second.log())?.[1]);
    second.running.kill('SIGTERM');
    expect((await second.ended).code).toBe(0);
    // An orphan that has ended stays visible until init has taken note of it.
    await expect.poll(() => alive(postgres), { timeout: 10_000 }).toBe(false);
    expect(first.log() + second.log()).not.toMatch(/hunter2|some-token/);
  });
});
