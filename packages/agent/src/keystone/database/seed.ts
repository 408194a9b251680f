import type { DatabaseConfig } from '../../node/config.ts';
import type { DatabaseReport } from '../../protocol/keystone.ts';
import type { Address } from '../../protocol/values.ts';
import type { Sql } from './connection.ts';
import { copyDatabase, failed } from './dump.ts';
import { changeMaster, follows, notAReplica, settled } from './follow.ts';
import type { SeedJournal } from './seed-journal.ts';
import { readState } from './state.ts';

export interface SeedOptions {
  readonly sql: Sql;
  readonly config: DatabaseConfig;
  readonly stateDir: string;
  readonly journal: SeedJournal;
  readonly sleep: (ms: number) => Promise<void>;
  readonly copy?: typeof copyDatabase;
}

const longMs = 120_000;

/**
 * Builds the replica from a dump. The dump goes into a database beside the one in use; only when it is whole is that written down, with the
 * position that belongs to it, and are the tables exchanged, in one statement. The old ones are kept until the new ones follow the
 * source. A crash before it is written down leaves all as it was; one after it is gone on from.
 */
export async function seed(options: SeedOptions, source: Address, force: boolean, signal: AbortSignal): Promise<DatabaseReport> {
  const { sql, config, stateDir, journal, copy = copyDatabase } = options;
  // An earlier order may have been for another source, which is gone: this one does not hang on it.
  await resumeSeed(options).catch(() => undefined);
  const before = await readState(sql);
  if (before.role === 'member') throw notAReplica(before);
  if (!force && follows(before, source) && before.ioRunning === true && before.sqlRunning === true && before.diverged === undefined) return before;

  const names = namesOf(config);
  const logBin = Number((await sql.query('SELECT @@global.log_bin AS on_'))[0]?.['on_']) === 1;
  if (logBin) await sql.query('SET SESSION sql_log_bin = 0');
  await giveUp(options, names);
  await sql.query(`DROP DATABASE IF EXISTS ${names.fresh}`, [], longMs);
  await sql.query(`CREATE DATABASE ${names.fresh}`);
  let position: string;
  try {
    position = await copy({ config, stateDir, source, into: names.fresh, logBin, signal });
    if ((await tablesOf(sql, names.fresh)).length === 0) throw failed('the source’s database has no tables');
    signal.throwIfAborted();
  } catch (error) {
    // Half a copy is of no use, and takes space.
    await sql.query(`DROP DATABASE IF EXISTS ${names.fresh}`, [], longMs).catch(() => undefined);
    throw error;
  }
  // From here on it goes to its end.
  await journal.write({ source, position });
  await exchange(sql, names);
  return finish(options, { source, position });
}

/**
 * What an earlier attempt wrote down holds for the tables that it made. Those beside are about to be made anew, by pieces: a start after a crash in
 * the midst of that must not take them for whole ones.
 */
async function giveUp({ sql, journal }: SeedOptions, { fresh }: Names): Promise<void> {
  const order = await journal.read();
  if (!order) return;
  if (order.exchanged || (await tablesOf(sql, fresh)).length === 0) await journal.write({ ...order, exchanged: true });
  else await journal.clear();
}

/** Ends what a crash has interrupted. False: there was nothing. */
export async function resumeSeed(options: SeedOptions): Promise<boolean> {
  const { sql, config, journal } = options;
  const order = await journal.read();
  if (!order) return false;
  const names = namesOf(config);
  // Tables that are still beside were not exchanged; they are whole, as they were before this was written down.
  if (!order.exchanged && (await tablesOf(sql, names.fresh)).length > 0) await exchange(sql, names);
  await finish(options, order);
  return true;
}

/** Tables of before, from a crash after the new ones were seen to follow, hold people's password hashes: they go when the replica is well. True: done. */
export async function dropLeftovers(sql: Sql, config: DatabaseConfig, state: DatabaseReport): Promise<boolean> {
  if (state.role !== 'replica' || state.ioRunning !== true || state.sqlRunning !== true || state.diverged !== undefined) return false;
  const { fresh, before, failedOnes } = namesOf(config);
  for (const name of [before, fresh, failedOnes]) await sql.query(`DROP DATABASE IF EXISTS ${name}`, [], longMs);
  return true;
}

async function exchange(sql: Sql, { live, fresh, before, failedOnes }: Names): Promise<void> {
  await sql.query('STOP SLAVE', [], longMs);
  // What the old tables followed would be taken up again by a MariaDB that restarts now, onto the new ones.
  await sql.query('RESET SLAVE ALL', [], longMs);
  await sql.query(`CREATE DATABASE IF NOT EXISTS ${live}`);
  await sql.query(`CREATE DATABASE IF NOT EXISTS ${before}`);
  // An attempt that did not come to follow has left the good old ones there: they stay, and its own tables go.
  const kept = (await tablesOf(sql, before)).length > 0;
  const aside = kept ? failedOnes : before;
  if (kept) {
    await sql.query(`DROP DATABASE IF EXISTS ${failedOnes}`, [], longMs);
    await sql.query(`CREATE DATABASE ${failedOnes}`);
  }
  const [old, made] = [await tablesOf(sql, live), await tablesOf(sql, fresh)];
  const moves = [...old.map((t) => `${live}.${quoted(t)} TO ${aside}.${quoted(t)}`), ...made.map((t) => `${fresh}.${quoted(t)} TO ${live}.${quoted(t)}`)];
  await sql.query(`RENAME TABLE ${moves.join(', ')}`, [], longMs);
  if (kept) await sql.query(`DROP DATABASE ${failedOnes}`, [], longMs);
}

async function finish({ sql, config, journal, sleep }: SeedOptions, { source, position }: { source: Address; position: string }): Promise<DatabaseReport> {
  await sql.query('STOP SLAVE', [], longMs);
  await sql.query('SET GLOBAL gtid_slave_pos = ?', [position]);
  await changeMaster(sql, config, source);
  await sql.query('SET GLOBAL read_only = 1');
  await sql.query('START SLAVE', [], longMs);
  // It stands where it is to be: what is left is to see that it follows.
  await journal.clear();
  const state = await settled(sql, sleep, 60_000);
  if (state.ioRunning !== true || state.sqlRunning !== true || state.diverged !== undefined) {
    throw failed(`the new tables do not follow ${source.host}:${source.port}${state.lastError ? `: ${state.lastError.number} ${state.lastError.message}` : ''}`);
  }
  await dropLeftovers(sql, config, state);
  return readState(sql);
}

interface Names {
  readonly live: string;
  readonly fresh: string;
  readonly before: string;
  readonly failedOnes: string;
}

/** Of `keystone`: `keystone_godwit_new` and so on; not matched by a replication filter for `keystone.%`. */
const namesOf = ({ database: live }: DatabaseConfig): Names => ({ live: quoted(live), fresh: `${live}_godwit_new`, before: `${live}_godwit_old`, failedOnes: `${live}_godwit_failed` });

async function tablesOf(sql: Sql, database: string): Promise<string[]> {
  const rows = await sql.query("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE' ORDER BY table_name", [database.replaceAll('`', '')]);
  return rows.map((r) => String(r['name']));
}

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
