import type { Component, SiteFacts } from '../engine/types.ts';
import { answersSql, databaseConf, databaseOptions, installDatabase, runFolder, sql } from './database.ts';
import { dataDir, masterSites, starOf } from './plan.ts';

export const clusterName = 'star';
/** gtid_domain_id of what the cluster writes, the same at all members: so a replica can go from one to another. */
export const clusterDomain = 10;

const isFirst = ({ site, topology }: SiteFacts): boolean => starOf(topology).masters[0] === site.name;

const members = ({ topology }: SiteFacts): string => masterSites(topology).map((s) => s.ip).join(',');

/** The cluster is begun by the first member when it stopped last, in good order; any other start joins. After a crash it says first how far it is, so that it need not be copied whole. */
const launch = `
set -e
if grep -qs '^safe_to_bootstrap: 1' ${dataDir(1)}/grastate.dat || [ ! -e ${dataDir(1)}/grastate.dat -a "$1" = first ]; then
  exec mariadbd --defaults-file=${databaseConf(1)} --wsrep-new-cluster
fi
if [ -e ${dataDir(1)}/grastate.dat ]; then start=$(galera_recovery --defaults-file=${databaseConf(1)}); fi
exec mariadbd --defaults-file=${databaseConf(1)} $start
`;

/** A member of the master cluster. */
export const galera: Component = {
  name: 'galera',
  files: (facts) => [
    {
      path: databaseConf(1),
      content: [
        ...databaseOptions(facts, 1),
        'log-bin = binlog', 'log-slave-updates', 'binlog-format = ROW', 'expire-logs-days = 7', 'innodb-autoinc-lock-mode = 2', `gtid-domain-id = ${String(facts.site.index)}`,
        'wsrep-on = ON', 'wsrep-provider = /usr/lib/galera/libgalera_smm.so', `wsrep-cluster-name = ${clusterName}`, `wsrep-cluster-address = gcomm://${members(facts)}`,
        `wsrep-node-name = ${facts.site.name}`, `wsrep-node-address = ${facts.site.ip}`, 'wsrep-sst-method = rsync', 'wsrep-gtid-mode = ON', `wsrep-gtid-domain-id = ${String(clusterDomain)}`,
        `wsrep-provider-options = "gcache.size=16M;gmcast.segment=${String(facts.site.index)}"`, '',
      ].join('\n'),
    },
  ],
  init: [
    { name: 'galera-data', needs: [], run: (context) => installDatabase(context, 1) },
  ],
  services: [
    {
      name: 'galera',
      user: 'mysql',
      needs: (facts) => ['galera-data', ...(isFirst(facts) ? [] : [`${starOf(facts.topology).masters[0] ?? ''}/galera`])],
      command: (facts) => ['sh', '-c', launch, 'galera', isFirst(facts) ? 'first' : 'other'],
      prepare: (context) => runFolder(context, 1),
      async ready(context) {
        const silent = await answersSql(1)(context);
        if (silent !== undefined) return silent;
        const state = await sql(context, 1, "SELECT variable_value FROM information_schema.global_status WHERE variable_name IN ('wsrep_cluster_status', 'wsrep_local_state_comment')");
        return state.includes('Primary') && state.includes('Synced') ? undefined : state.trim().replaceAll('\n', ', ');
      },
      // The first member leaves last: it may begin the cluster anew.
      stopOrder: (facts) => (isFirst(facts) ? 22 : 21),
    },
  ],
};

/** The third vote: it holds no data. */
export const garbd: Component = {
  name: 'garbd',
  files: () => [],
  init: [],
  services: [
    {
      name: 'garbd',
      user: 'mysql',
      needs: (facts) => [`${starOf(facts.topology).masters[0] ?? ''}/galera`],
      command: ({ topology, site }) => [
        'garbd', '--address', `gcomm://${masterSites(topology).map((s) => s.ip).join(',')}`, '--group', clusterName, '--name', site.name, '--options', `gmcast.segment=${String(site.index)}`,
      ],
      async ready({ relay, site }) {
        await relay.tcp(site.ip, 4567);
        return undefined;
      },
      // Before the members, or the last of them would not be the last.
      stopOrder: () => 20,
    },
  ],
};

