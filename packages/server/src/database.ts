import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { GodwitError, type GodwitConfig } from '@godwit/sites';
import { startEmbeddedPostgres } from '@godwit/workflow';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

export interface Database {
  /** Holds a password: never log it. */
  readonly url: string;
  readonly embedded: boolean;
  close(): Promise<void>;
}

type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
type Env = Readonly<Record<string, string | undefined>>;

/** Of DATABASE_URL, else the configuration's; else an embedded PostgreSQL, at the configured place or the usual one. */
export async function openDatabase(config: GodwitConfig['database'], env: Env, log: Log): Promise<Database> {
  const url = env['DATABASE_URL'] || (config.urlFile === undefined ? undefined : await readUrl(config.urlFile));
  if (url) return { url, embedded: false, close: () => Promise.resolve() };
  const server = await startEmbeddedPostgres({ dataDir: config.embedded ?? usualPlace(env), log });
  return { url: server.databaseUrl, embedded: true, close: () => server.stop() };
}

/** A small pool for the catalogue; the engine has its own. A server behind a dead router is given up after a while, and asked again by whoever wants something of it. */
export function openCatalogue<T>(url: string, onError: (error: Error) => void): Kysely<T> {
  const pool = new pg.Pool({ connectionString: url, max: 5, idleTimeoutMillis: 30_000, connectionTimeoutMillis: 30_000 });
  // An idle connection that breaks (the database is restarted) is replaced by the next query; unheard, it would end the process.
  pool.on('error', onError);
  // The same in the moments before and after it is idle, when the pool does not listen.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return new Kysely<T>({ dialect: new PostgresDialect({ pool }) });
}

async function readUrl(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new GodwitError('GW_CONFIG_INVALID', 'terminal', `database.urlFile: ${(cause as Error).message}`, {
      resource: file,
      action: 'Put the URL of your PostgreSQL into this file, or set DATABASE_URL.',
      cause,
    });
  }
}

function usualPlace(env: Env): string {
  if (process.getuid?.() === 0) return '/var/lib/godwit/postgres';
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'godwit', 'postgres');
}
