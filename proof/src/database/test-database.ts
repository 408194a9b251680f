import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@godwit/workflow';
import pg from 'pg';

/** One PostgreSQL for a whole file of proofs; each case has a database of its own, copied from a template. */
export interface TestDatabase {
  readonly postgres: EmbeddedPostgres;
  /** A new database; a copy of `template` when given. Nobody may be connected to that one. */
  create(template?: string): Promise<{ readonly name: string; readonly url: string }>;
  drop(name: string): Promise<void>;
  query<R extends pg.QueryResultRow>(url: string, text: string, values?: unknown[]): Promise<R[]>;
  stop(): Promise<void>;
}

export async function startTestDatabase(options: { readonly durable?: boolean } = {}): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gw-proof-'));
  const postgres = await startEmbeddedPostgres({ dataDir, durable: options.durable ?? false });
  const admin = urlOf(postgres.databaseUrl, 'postgres');
  let count = 0;
  const query: TestDatabase['query'] = async (url, text, values) => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  return {
    postgres,
    query,
    async create(template) {
      const name = `case${++count}`;
      await query(admin, `CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template} STRATEGY file_copy`}`);
      return { name, url: urlOf(postgres.databaseUrl, name) };
    },
    async drop(name) {
      await query(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
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
