import type { Component, SiteContext } from '../engine/types.ts';
import { masterSites, databasePort, nodeOf, starOf, type NodeNumber } from './plan.ts';
import { answersSql, databaseConf, databaseOptions, installDatabase, runFolder, sql } from './database.ts';
import { emptyReplicaGrants, replicaGrants, replicationUser } from './users.ts';

const quiet = ['--no-defaults', '--batch'];

/** As an operator does by hand: a dump of the source with its GTID position, then following it from there. */
async function follow(context: SiteContext, n: NodeNumber): Promise<void> {
  const { execOk, secrets, topology, write } = context;
  const source = masterSites(topology)[n - 1];
  if (!source) throw new Error(`the star has no master ${String(n)}`);
  const password = secrets.get(`star/db/${replicationUser}`);
  const login = `/root/.source-${String(n)}.cnf`;
  const dump = `/root/.keystone-${String(n)}.sql`;
  write({ path: login, mode: 0o600, content: `[client]\nhost=${source.ip}\nport=${String(databasePort(1))}\nuser=${replicationUser}\npassword=${password}\n` });
  try {
    await execOk(['sh', '-c', 'umask 077; mariadb-dump --defaults-file="$1" --single-transaction --master-data=1 --gtid --databases keystone >"$2"', 'dump', login, dump], { timeoutMs: 120_000 });
    await execOk(['sh', '-c', `mariadb ${quiet.join(' ')} --socket=/run/mariadb-${String(n)}/mariadbd.sock <"$1"`, 'load', dump], { timeoutMs: 120_000 });
    await sql(context, n, [
      replicaGrants(secrets),
      `CHANGE MASTER TO master_host='${source.ip}', master_port=${String(databasePort(1))}, master_user='${replicationUser}', master_password='${password}', master_use_gtid=slave_pos, master_connect_retry=2, master_heartbeat_period=2;`,
      'START SLAVE;',
    ].join('\n'));
  } finally {
    await execOk(['rm', '-f', login, dump]);
  }
}

/** A database of its own for Keystone N of the site, read-only, that follows the Nth master. That of a site that is to join is empty. */
function replica(n: NodeNumber): Component {
  const name = `replica-${n}` as const;
  return {
    name,
    files: (facts) => [
      {
        path: databaseConf(n),
        content: [
          ...databaseOptions(facts, n),
          // No binary log: what Keystone notes here of logins is this server's own, and must have no GTID.
          'read-only = 1', `gtid-domain-id = ${String(facts.site.index * 10 + n)}`, 'replicate-wild-do-table = keystone.%', 'slave-net-timeout = 10', 'slave-parallel-threads = 0', '',
        ].join('\n'),
      },
    ],
    init: [
      { name: `${name}-data`, needs: [], run: (context) => installDatabase(context, n) },
      {
        name: `${name}-seed`,
        needs: (facts) => [name, `${starOf(facts.topology).masters[0] ?? ''}/star-catalogue`, `${starOf(facts.topology).masters[n - 1] ?? ''}/galera`],
        async run(context) {
          if (nodeOf(context, n).joining) await sql(context, n, emptyReplicaGrants(context.secrets));
          else await follow(context, n);
        },
      },
    ],
    services: [
      {
        name,
        user: 'mysql',
        needs: [`${name}-data`],
        command: () => ['mariadbd', `--defaults-file=${databaseConf(n)}`],
        prepare: (context) => runFolder(context, n),
        ready: answersSql(n),
        stopOrder: () => 10,
      },
    ],
  };
}

export const replica1 = replica(1);
export const replica2 = replica(2);
