import type { DatabaseReport } from '../../protocol/keystone.ts';
import type { Problem } from '../../protocol/values.ts';
import type { Row, Sql } from './connection.ts';

const variables = `SELECT @@global.read_only AS read_only, @@global.log_bin AS log_bin, @@version AS version, @@global.gtid_domain_id AS domain, @@global.server_id AS server_id,
  @@global.gtid_current_pos AS current_pos, @@global.gtid_slave_pos AS slave_pos, @@global.gtid_binlog_pos AS binlog_pos`;

const cluster = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_ready', 'wsrep_local_state_comment', 'wsrep_cluster_state_uuid', 'wsrep_connected')";

/**
 * Errors of the SQL thread that say that the data is not as at the source: a row is there already (1062) or not (1032), a foreign key does
 * not hold (1451, 1452), a table or a column is missing, there already, or of another kind (1050, 1054, 1060, 1091, 1146, 1535, 1677).
 */
const apart: ReadonlySet<number> = new Set([1032, 1050, 1054, 1060, 1062, 1091, 1146, 1451, 1452, 1535, 1677]);
/** The source has not what the replica asks to go on from: the replica is ahead of it or on another branch, or it is so far behind that the source has forgotten. */
const noSuchPosition = 1236;

/** What a local MariaDB is and does. Throws as Sql does. */
export async function readState(sql: Sql): Promise<DatabaseReport> {
  const [v = {}] = await sql.query(variables);
  const status = new Map((await sql.query(cluster)).map((r) => [str(r['Variable_name']), str(r['Value'])]));
  const [slave] = await sql.query('SHOW SLAVE STATUS');
  const galera = status.has('wsrep_cluster_status') && status.get('wsrep_connected') !== undefined && Number(status.get('wsrep_cluster_size') ?? 0) > 0;
  const readOnly = flag(v['read_only']);
  const problems: Problem[] = [];
  if (slave && !readOnly) problems.push({ code: 'GW_AGENT_WRITABLE', message: 'the replica is not read_only: whoever writes here makes it diverge' });
  if (!slave && readOnly && !galera) problems.push({ code: 'GW_AGENT_REPLICATION', message: 'the database is read_only and follows no source' });
  return {
    role: slave ? 'replica' : readOnly && !galera ? 'none' : 'member',
    readOnly,
    version: str(v['version']).slice(0, 255),
    domain: Number(v['domain']),
    serverId: Number(v['server_id']),
    gtidCurrent: str(v['current_pos']).slice(0, 2_000),
    gtidBinlog: str(v['binlog_pos']).slice(0, 2_000),
    ...(slave && replica(slave, v)),
    ...(galera && {
      cluster: {
        size: Number(status.get('wsrep_cluster_size')),
        status: status.get('wsrep_cluster_status') ?? '',
        ready: status.get('wsrep_ready') === 'ON',
        state: status.get('wsrep_local_state_comment') ?? '',
        stateUuid: status.get('wsrep_cluster_state_uuid') ?? '',
      },
    }),
    problems,
  };
}

function replica(s: Row, v: Row): Partial<DatabaseReport> {
  const sqlRunning = s['Slave_SQL_Running'] === 'Yes';
  const [sqlError, ioError] = [Number(s['Last_SQL_Errno'] ?? 0), Number(s['Last_IO_Errno'] ?? 0)];
  const lastError = sqlError !== 0 ? { number: sqlError, message: words(s['Last_SQL_Error']) } : ioError !== 0 ? { number: ioError, message: words(s['Last_IO_Error']) } : undefined;
  const lag = s['Seconds_Behind_Master'];
  const diverged = whyDiverged(s, v, sqlRunning, sqlError, ioError);
  return {
    gtidSlave: str(v['slave_pos']).slice(0, 2_000),
    source: { host: str(s['Master_Host']), port: Number(s['Master_Port']) },
    ioRunning: s['Slave_IO_Running'] === 'Yes',
    sqlRunning,
    ...(lag !== null && lag !== undefined && { lagSeconds: Number(lag) }),
    ...(lastError && { lastError }),
    ...(diverged !== undefined && { diverged }),
  };
}

function whyDiverged(s: Row, v: Row, sqlRunning: boolean, sqlError: number, ioError: number): string | undefined {
  if (!sqlRunning && apart.has(sqlError)) return `the SQL thread stopped at what does not fit the data here: ${sqlError} ${words(s['Last_SQL_Error'])}`.slice(0, 2_000);
  if (ioError === noSuchPosition) return `the source has not what this replica is to go on from: ${words(s['Last_IO_Error'])}`.slice(0, 2_000);
  // What was written here has this server's own number; what came from the source has that of the server where it was written.
  const own = str(v['binlog_pos']).split(',').find((g) => g.split('-')[1] === str(v['server_id']));
  return flag(v['log_bin']) && own !== undefined ? `something was written here, not at the source: ${own}` : undefined;
}

const str = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' ? String(value) : '');
const words = (value: unknown): string => str(value).slice(0, 1_500);
const flag = (value: unknown): boolean => ['1', 'ON', 'YES'].includes(str(value).toUpperCase());
