import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createEngine, startEmbeddedPostgres } from '../src/index.ts';
import type { EmbeddedPostgres, Engine, EngineOptions } from '../src/index.ts';

/** A PostgreSQL of the test file's own, with a new database for each who asks. */
export interface TestServer {
  readonly postgres: EmbeddedPostgres;
  /** URL of a new database in which the tables are made already. */
  newDatabase(): Promise<string>;
  query<R extends pg.QueryResultRow>(url: string, text: string, values?: unknown[]): Promise<R[]>;
  stop(): Promise<void>;
}

export async function startTestServer(): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gw-test-'));
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  const query: TestServer['query'] = async (url, text, values) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  };
  const engine = createEngine({ databaseUrl: postgres.databaseUrl, applicationVersion: 'test', executorId: 'template' });
  await engine.start();
  await engine.stop();
  let count = 0;
  return {
    postgres,
    query,
    async newDatabase() {
      const name = `t${++count}`;
      await query(urlOf(postgres.databaseUrl, 'postgres'), `CREATE DATABASE ${name} TEMPLATE godwit`);
      return urlOf(postgres.databaseUrl, name);
    },
    async stop() {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function urlOf(url: string, database: string): string {
  const u = new URL(url);
  u.pathname = `/${database}`;
  return u.toString();
}

export function testEngine(databaseUrl: string, options: Partial<EngineOptions> = {}): Engine {
  return createEngine({ databaseUrl, applicationVersion: 'test', executorId: 'test', queuePollMs: 20, ...options });
}

/** Polls until `read` gives something; the test's own time limit ends it otherwise. */
export async function eventually<T>(read: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A promise with its handles outside. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => { open = resolve; });
  return { opened, open };
}
