import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDatabaseAway, startEmbeddedPostgres, type EmbeddedPostgres } from '@godwit/workflow';
import pg from 'pg';

/** One PostgreSQL for a whole file of proofs; each case has a database of its own, copied from a template. */
export interface TestDatabase {
  readonly postgres: EmbeddedPostgres;
  /** A new database; a copy of `template` when given. No controller may be connected to that one. */
  create(template?: string): Promise<{ readonly name: string; readonly url: string }>;
  drop(name: string): Promise<void>;
  /** Repeated while the server is away (it may have been killed by the proof): for questions only. */
  query<R extends pg.QueryResultRow>(url: string, text: string, values?: unknown[]): Promise<R[]>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 30_000;

export async function startTestDatabase(options: { readonly durable?: boolean } = {}): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gw-proof-'));
  const postgres = await startEmbeddedPostgres({ dataDir, durable: options.durable ?? false });
  const admin = urlOf(postgres.databaseUrl, 'postgres');
  // Kept open: a connection costs more than the question that is asked on it, and questions are asked many times a second.
  const kept = new Map<string, pg.Pool>();
  let count = 0;
  const connect = (url: string): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url, max: 2, idleTimeoutMillis: 0 });
    pool.on('error', () => undefined).on('connect', (client) => void client.on('error', () => undefined));
    kept.set(url, pool);
    return pool;
  };
  const forget = async (url: string): Promise<void> => {
    const pool = kept.get(url);
    kept.delete(url);
    await pool?.end();
  };
  const query: TestDatabase['query'] = async (url, text, values) => {
    for (const until = performance.now() + PATIENCE_MS; ; await delay(50)) {
      try {
        return (await (kept.get(url) ?? connect(url)).query(text, values)).rows;
      } catch (error) {
        if (!isDatabaseAway(error) || performance.now() > until) throw error;
      }
    }
  };
  // Hundreds of controllers connect, each several times: a password that takes 4096 rounds to prove would be most of what they do.
  await query(admin, `SET scram_iterations = 1; ALTER ROLE godwit PASSWORD '${decodeURIComponent(new URL(postgres.databaseUrl).password)}'`);
  return {
    postgres,
    query,
    async create(template) {
      const name = `case${++count}`;
      if (template !== undefined) await forget(urlOf(postgres.databaseUrl, template));
      await query(admin, `CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template} STRATEGY file_copy`}`);
      return { name, url: urlOf(postgres.databaseUrl, name) };
    },
    async drop(name) {
      await forget(urlOf(postgres.databaseUrl, name));
      await query(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
    async stop() {
      await Promise.all([...kept.keys()].map(forget));
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
