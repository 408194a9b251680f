import type { DatabaseConfig } from '../../node/config.ts';
import { readPassword } from '../../node/config.ts';
import { AgentError } from '../../protocol/errors.ts';
import type { DatabaseReport } from '../../protocol/keystone.ts';
import type { Address } from '../../protocol/values.ts';
import type { Sql } from './connection.ts';
import { readState } from './state.ts';

const stopMs = 60_000;

export const follows = (state: DatabaseReport, source: Address): boolean => state.role === 'replica' && state.source?.host === source.host && state.source.port === source.port;

/** What CHANGE MASTER is told besides the address. Values are sent as parameters; the password is in no log of ours. */
export async function changeMaster(sql: Sql, config: DatabaseConfig, source: Address): Promise<void> {
  const options = ['master_host = ?', 'master_port = ?', 'master_use_gtid = slave_pos', 'master_connect_retry = 5'];
  const values: (string | number)[] = [source.host, source.port];
  if (config.replication) {
    options.push('master_user = ?', 'master_password = ?');
    values.push(config.replication.user, await readPassword(config.replication.passwordFile));
  }
  if (config.sourceCaFile !== undefined) {
    options.push('master_ssl = 1', 'master_ssl_ca = ?', 'master_ssl_verify_server_cert = 1');
    values.push(config.sourceCaFile);
  }
  await sql.query(`CHANGE MASTER TO ${options.join(', ')}`, values, stopMs);
}

/**
 * Has the replica follow another source, from where it is, by GTID. Done twice it changes nothing. What does not fit is not skipped: it shows
 * in the report.
 */
export async function repoint(sql: Sql, config: DatabaseConfig, source: Address, sleep: (ms: number) => Promise<void>): Promise<DatabaseReport> {
  const before = await readState(sql);
  if (before.role === 'member') throw notAReplica(before);
  if (follows(before, source) && before.ioRunning === true && before.sqlRunning === true) return before;
  if (before.role === 'none' && before.gtidSlave === undefined) await refuseEmpty(sql);
  await sql.query('STOP SLAVE', [], stopMs);
  // Set up before it is started: a crash in between leaves a replica that stands still, at a place that is known.
  await changeMaster(sql, config, source);
  await sql.query('START SLAVE', [], stopMs);
  return settled(sql, sleep, 15_000);
}

/** A replica that was never seeded has no position: it would replay all that its source has kept, from the middle of its history. */
async function refuseEmpty(sql: Sql): Promise<void> {
  const [row] = await sql.query('SELECT @@global.gtid_slave_pos AS pos');
  if (row?.['pos'] === '' || row?.['pos'] === undefined) {
    throw new AgentError('GW_AGENT_DATABASE_ROLE', 'terminal', 'this database has never followed a source', { action: 'Seed it: it has nothing to go on from.' });
  }
}

/** Waits until both threads run, or one has stopped with an error that stays. */
export async function settled(sql: Sql, sleep: (ms: number) => Promise<void>, limitMs: number): Promise<DatabaseReport> {
  for (let waited = 0; ; waited += 200) {
    const state = await readState(sql);
    const done = (state.ioRunning === true && state.sqlRunning === true) || state.diverged !== undefined || state.sqlRunning === false;
    if (done || waited >= limitMs) return state;
    await sleep(200);
  }
}

export const notAReplica = (state: DatabaseReport): AgentError =>
  new AgentError('GW_AGENT_DATABASE_ROLE', 'terminal', state.cluster ? 'this database is a member of the master cluster, not a replica' : 'this database is written to (read_only is off), so it is no replica', {
    action: 'Order this of replicas only; one that is to become a replica must be read_only.',
  });
