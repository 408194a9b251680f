import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEnvelope, type Wrapper } from '@godwit/sites';
import { startEmbeddedPostgres } from '@godwit/workflow';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { type AgentHub, type AgentTables, createHub, type HubOptions } from '../src/index.ts';

const program = new URL('../../../bin/godwit-agent.mjs', import.meta.url).pathname;

/** A master key that is lost with the test. */
export function testWrapper(): Wrapper {
  const kept = new Map<string, Buffer>();
  return {
    id: 'test',
    wrap: (key) => {
      const name = randomBytes(8).toString('hex');
      kept.set(name, Buffer.from(key));
      return Promise.resolve(name);
    },
    unwrap: (name) => Promise.resolve(kept.get(name) ?? Buffer.alloc(32)),
  };
}

export interface RunningAgent {
  readonly process: ChildProcess;
  readonly log: () => string;
  readonly ended: Promise<number | null>;
}

/** A database, hubs on it, and nodes with real agents: real TLS over loopback. */
export async function startWorld() {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-agents-'));
  // PostgreSQL runs as a user of its own.
  chmodSync(dir, 0o755);
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'postgres'), durable: false });
  const wrapper = testWrapper();
  const envelope = createEnvelope([wrapper]);
  const pool = new pg.Pool({ connectionString: postgres.databaseUrl, max: 5 });
  pool.on('error', () => undefined);
  const db = new Kysely<AgentTables>({ dialect: new PostgresDialect({ pool }) });
  const hubs: AgentHub[] = [];
  const children: ChildProcess[] = [];
  const logged: string[] = [];

  async function hub(options: Partial<HubOptions> = {}): Promise<AgentHub> {
    const made = await createHub({ db, envelope, listen: { host: '127.0.0.1', port: 0 }, controller: 'c1', reportEveryMs: 200, log: (level, message, facts) => logged.push(JSON.stringify({ level, message, ...facts })), ...options });
    hubs.push(made);
    return made;
  }

  /** A node: an empty directory with a configuration and two key repositories. */
  function node(name: string, config: object = {}) {
    const home = join(dir, 'nodes', name);
    const [stateDir, fernet, credential] = ['state', 'fernet-keys', 'credential-keys'].map((d) => join(home, d)) as [string, string, string];
    for (const d of [stateDir, fernet, credential]) mkdirSync(d, { recursive: true, mode: 0o700 });
    const file = join(home, 'agent.yaml');
    writeFileSync(file, JSON.stringify({ stateDir, keystone: { fernet: { repository: fernet }, credential: { repository: credential }, settleSeconds: 0.05 }, ...config }));
    const spawned = (...args: string[]): RunningAgent => {
      const child = spawn(process.execPath, [program, ...args, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
      children.push(child);
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (d: Buffer) => (text += d.toString()));
      return { process: child, log: () => text, ended: once(child, 'close').then(([code]) => code as number | null) };
    };
    return {
      name,
      fernet,
      stateDir,
      config: file,
      run: () => spawned('run'),
      async enrol(port: number, token: string, as = name): Promise<{ code: number | null; log: string }> {
        const tokenFile = join(home, 'token');
        writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
        const agent = spawned('enrol', '--url', `127.0.0.1:${port}`, '--token-file', tokenFile, '--name', as);
        return { code: await agent.ended, log: agent.log() };
      },
      keys: () => Object.fromEntries(readdirSync(fernet).filter((f) => /^\d+$/.test(f)).map((f) => [f, readFileSync(join(fernet, f), 'utf8')])),
    };
  }

  const token = async (of: AgentHub, name: string, ttlMs = 60_000): Promise<string> => (await of.createToken({ name, site: 's1', role: 'keystone', ttlMs, createdBy: 'anna' })).token;

  async function close(): Promise<void> {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(hubs.map((h) => h.close()));
    await db.destroy();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  return { dir, db, envelope, wrapper, hub, node, token, logged: () => logged.join('\n'), postgres, close };
}
export type World = Awaited<ReturnType<typeof startWorld>>;

export const key = (): string => `${randomBytes(32).toString('base64url')}=`;

/** Of loopback, that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A wire between an agent and its controller that can be cut: nothing passes, and nobody is told. */
export async function startProxy(target: () => number) {
  const pairs = new Set<[Socket, Socket]>();
  let cut = false;
  const server = createServer((here) => {
    const there = connect(target(), '127.0.0.1');
    const pair: [Socket, Socket] = [here, there];
    pairs.add(pair);
    here.on('data', (d) => cut || there.write(d));
    there.on('data', (d) => cut || here.write(d));
    for (const [a, b] of [pair, [there, here]] as [Socket, Socket][]) {
      a.on('error', () => undefined);
      a.on('close', () => (pairs.delete(pair), b.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    setCut: (now: boolean) => (cut = now),
    drop: () => pairs.forEach(([a]) => a.destroy()),
    close: () => (pairs.forEach(([a]) => a.destroy()), server.close()),
  };
}
