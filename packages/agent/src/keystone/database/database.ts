import { createHash } from 'node:crypto';
import { type DatabaseConfig, readPassword } from '../../node/config.ts';
import type { Files } from '../../node/files.ts';
import type { Log } from '../../node/log.ts';
import { AgentError, reason } from '../../protocol/errors.ts';
import type { DatabaseReport } from '../../protocol/keystone.ts';
import type { Database } from '../role.ts';
import { sweepCopies } from './dump.ts';
import { openSql, type Sql } from './connection.ts';
import { repoint } from './follow.ts';
import { dropLeftovers, resumeSeed, seed, type SeedOptions } from './seed.ts';
import { SeedJournal } from './seed-journal.ts';
import { readState } from './state.ts';

export interface DatabaseDeps {
  readonly files: Files;
  readonly stateDir: string;
  readonly log: Log;
  readonly sql?: Sql;
}

/** The local MariaDB of a Keystone node: watched, re-pointed, seeded. */
export function openDatabase(config: DatabaseConfig, { files, stateDir, log, sql: given }: DatabaseDeps): Database {
  const password = async (): Promise<string | undefined> => (config.passwordFile === undefined ? undefined : readPassword(config.passwordFile));
  const connect = (): Sql => given ?? openSql({ socket: config.socket, user: config.user, password });
  const watch = connect();
  const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
  const journal = new SeedJournal(files, stateDir);
  let last: DatabaseReport = { role: 'none', problems: [{ code: 'GW_AGENT_DATABASE_AWAY', message: 'not looked at yet' }] };
  let [checked, tidy, seeding] = [false, false, false];
  let resuming: Promise<void> = Promise.resolve();

  async function poll(): Promise<DatabaseReport> {
    try {
      last = await readState(watch);
      if (!checked && !seeding) await (resuming = resume());
      if (!tidy && !seeding) tidy = await dropLeftovers(watch, config, last).catch(() => true);
    } catch (error) {
      last = { role: 'none', problems: [{ code: error instanceof AgentError ? error.code : 'GW_AGENT_DATABASE_AWAY', message: reason(error).slice(0, 2_000) }] };
    }
    return last;
  }

  /** Tried at each look until it is done: what a crash has left does not mend itself. */
  async function resume(): Promise<void> {
    try {
      await sweepCopies(stateDir);
      if (await withSql((sql) => resumeSeed(seedOptions(sql)))) log('info', 'an interrupted seed was ended');
      checked = true;
    } catch (error) {
      log('warn', 'an interrupted seed could not be ended', { error: reason(error) });
      last = { ...last, problems: [...last.problems, { code: error instanceof AgentError ? error.code : 'GW_AGENT_DATABASE_AWAY', message: reason(error).slice(0, 2_000) }] };
    }
  }

  const seedOptions = (sql: Sql): SeedOptions => ({ sql, config, stateDir, journal, sleep });

  /** Orders have a connection of their own: one that waits for minutes must not keep the watch from looking. */
  async function withSql<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = connect();
    try {
      return await work(sql);
    } finally {
      if (sql !== given) await sql.close();
    }
  }

  return {
    get last() {
      return last;
    },
    poll,
    async repoint(source) {
      last = await withSql((sql) => repoint(sql, config, source, sleep));
      log('info', 'replica re-pointed', { source: `${source.host}:${source.port}`, position: last.gtidSlave });
      return last;
    },
    async seed(source, force, signal) {
      seeding = true;
      try {
        // Two at once would make their tables in one place.
        await resuming;
        last = await withSql((sql) => seed(seedOptions(sql), source, force, signal));
        log('info', 'replica seeded', { source: `${source.host}:${source.port}`, position: last.gtidSlave });
        return last;
      } finally {
        // One that failed may have left what an earlier one has written down.
        [seeding, tidy, checked] = [false, false, false];
      }
    },
    async countCredentials(primary) {
      // Keystone hashes the file's text as it is, with the line's end that an editor may have left.
      const hashes = [primary, `${primary}\n`].map((t) => createHash('sha1').update(t).digest('hex'));
      const rows = await withSql((sql) => sql.query(`SELECT key_hash, COUNT(*) AS n FROM \`${config.database}\`.credential GROUP BY key_hash`));
      const counts = rows.map((r): [string, number] => [String(r['key_hash']), Number(r['n'])]);
      const sum = (of: [string, number][]): number => of.reduce((n, [, c]) => n + c, 0);
      return { total: sum(counts), stale: sum(counts.filter(([h]) => !hashes.includes(h))) };
    },
    async close() {
      if (watch !== given) await watch.close();
    },
  };
}
