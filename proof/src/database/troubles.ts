import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type TestDatabase, urlOf } from './test-database.ts';

/** The whole server dies, as by a power cut of its host; its supervisor starts it again. */
export function killServer(database: TestDatabase): void {
  process.kill(database.postgres.pid, 'SIGKILL');
}

/** Takes every connection that the server has left; gives them back when called. */
export async function exhaustConnections(database: TestDatabase): Promise<() => Promise<void>> {
  const url = urlOf(database.postgres.databaseUrl, 'postgres');
  const held: pg.Client[] = [];
  for (let full = 0; full < 3; ) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      held.push(client);
      full = 0;
    } catch {
      full++;
      await delay(50);
    }
  }
  return async () => void (await Promise.all(held.map((c) => c.end().catch(() => undefined))));
}

/** Ends every connection of a database, as a fail-over or a restarted proxy does. */
export async function cutConnections(database: TestDatabase, name: string): Promise<number> {
  const rows = await database.query(urlOf(database.postgres.databaseUrl, 'postgres'), 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  return rows.length;
}

/**
 * Every commit waits so long before it is written (PostgreSQL's own commit_delay, 100 ms at most): what a disk with slow flushes looks like to
 * a client. Reads are not slowed. Only a durable server waits: one without fsync has nothing to wait for.
 */
export async function slowCommits(database: TestDatabase, ms: number): Promise<void> {
  const url = urlOf(database.postgres.databaseUrl, 'postgres');
  await database.query(url, `ALTER SYSTEM SET commit_delay = ${Math.min(100, ms) * 1_000}`);
  await database.query(url, 'ALTER SYSTEM SET commit_siblings = 0');
  await database.query(url, 'SELECT pg_reload_conf()');
}
