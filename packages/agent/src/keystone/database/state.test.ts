import { describe, expect, it } from 'vitest';
import type { Row, Sql } from './connection.ts';
import { readState } from './state.ts';

const base = { read_only: 1, log_bin: 0, version: '11.8.6-MariaDB', domain: 21, server_id: 21, current_pos: '10-10-42', slave_pos: '10-10-42', binlog_pos: '' };
const slave = { Master_Host: 'm1', Master_Port: 3306, Slave_IO_Running: 'Yes', Slave_SQL_Running: 'Yes', Seconds_Behind_Master: 0, Last_SQL_Errno: 0, Last_SQL_Error: '', Last_IO_Errno: 0, Last_IO_Error: '' };
const galera = { wsrep_cluster_size: '3', wsrep_cluster_status: 'Primary', wsrep_ready: 'ON', wsrep_local_state_comment: 'Synced', wsrep_cluster_state_uuid: 'u-u', wsrep_connected: 'ON' };

/** A MariaDB that answers as the real one did. */
const server = (variables: Row, replica?: Row, status: Record<string, string> = {}): Sql => ({
  query: (text) => Promise.resolve(text.startsWith('SELECT') ? [variables] : text.includes('wsrep') ? Object.entries(status).map(([Variable_name, Value]) => ({ Variable_name, Value })) : replica ? [replica] : []),
  close: () => Promise.resolve(),
});

describe('what a MariaDB is', () => {
  it.each([
    ['a Galera member', server({ ...base, read_only: 0 }, undefined, galera), { role: 'member', cluster: { size: 3, status: 'Primary', ready: true, state: 'Synced' } }],
    ['a member that has lost its cluster', server({ ...base, read_only: 0 }, undefined, { ...galera, wsrep_cluster_status: 'non-Primary', wsrep_ready: 'OFF' }), { role: 'member', cluster: { status: 'non-Primary', ready: false } }],
    ['a plain master', server({ ...base, read_only: 0 }), { role: 'member', readOnly: false }],
    ['a replica that follows', server(base, slave), { role: 'replica', source: { host: 'm1', port: 3306 }, ioRunning: true, sqlRunning: true, lagSeconds: 0 }],
    ['a replica that knows nothing of its lag', server(base, { ...slave, Slave_IO_Running: 'Connecting', Seconds_Behind_Master: null, Last_IO_Errno: 2003, Last_IO_Error: 'cannot connect' }), { role: 'replica', ioRunning: false, lastError: { number: 2003, message: 'cannot connect' } }],
    ['one that is to be a replica, and follows nobody', server(base), { role: 'none', problems: [{ code: 'GW_AGENT_REPLICATION' }] }],
    ['a replica that everybody may write to', server({ ...base, read_only: 0 }, slave), { role: 'replica', problems: [{ code: 'GW_AGENT_WRITABLE' }] }],
  ])('%s', async (_what, sql, expected) => {
    const state = await readState(sql);
    expect(state).toMatchObject(expected);
    expect(state.diverged).toBeUndefined();
  });

  it.each([
    ['a row that is there already', { ...slave, Slave_SQL_Running: 'No', Last_SQL_Errno: 1062, Last_SQL_Error: 'Duplicate entry' }, {}, /1062 Duplicate entry/],
    ['a row that is not there', { ...slave, Slave_SQL_Running: 'No', Last_SQL_Errno: 1032, Last_SQL_Error: 'Can’t find record' }, {}, /1032/],
    ['a source that does not know our position', { ...slave, Slave_IO_Running: 'No', Last_IO_Errno: 1236, Last_IO_Error: 'not in the master’s binlog' }, {}, /not in the master/],
    ['something that was written here', slave, { log_bin: 1, binlog_pos: '10-10-42,21-21-3' }, /written here.*21-21-3/],
  ])('has diverged: %s', async (_what, replica, variables, why) => {
    expect((await readState(server({ ...base, ...variables }, replica))).diverged).toMatch(why);
  });

  it('has not diverged for an error that passes, nor for what it got from its source', async () => {
    const passing = server(base, { ...slave, Slave_SQL_Running: 'No', Last_SQL_Errno: 1205, Last_SQL_Error: 'Lock wait timeout' });
    expect(await readState(passing)).toMatchObject({ sqlRunning: false, lastError: { number: 1205 } });
    expect((await readState(passing)).diverged).toBeUndefined();
    expect((await readState(server({ ...base, log_bin: 1, binlog_pos: '10-10-42' }, slave))).diverged).toBeUndefined();
  });
});
