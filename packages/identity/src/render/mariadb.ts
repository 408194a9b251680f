import { serverIdOf } from '@godwit/sites';
import { hostPort, type Star, type StarSite } from '../star.ts';

/** MariaDB of a site's nodes: a member of the Galera cluster over the master sites, or a replica of one of its members. */
export function renderMariadb(star: Star, site: StarSite): string {
  return site.role === 'master' ? members(star, site) : replicas(site);
}

/** A domain of its own, besides that of the cluster. */
const domainOf = (id: number): number => 100 + id;

const clusterDomain = 10;

function members(star: Star, site: StarSite): string {
  const all = star.nodes.filter((n) => n.role === 'master').map((n) => hostPort(n.database ?? n.address).host);
  return site.nodes
    .map((n) => {
      const { host, port } = hostPort(n.database ?? n.address);
      const id = serverIdOf(n);
      return `# /etc/mysql/mariadb.conf.d/70-star.cnf of ${n.name}. The arbitrator (garbd) runs at a third place: with it either master site may be lost.
[mariadb]
bind-address = ${host}
port = ${port}
server-id = ${id}
gtid-domain-id = ${domainOf(id)}
log-bin = star
log-slave-updates = ON
binlog-format = ROW
expire-logs-days = 14
default-storage-engine = InnoDB
innodb-autoinc-lock-mode = 2
wsrep-on = ON
wsrep-provider = /usr/lib/galera/libgalera_smm.so
wsrep-cluster-name = keystone
wsrep-cluster-address = gcomm://${all.join(',')}
wsrep-node-name = ${n.name}
wsrep-node-address = ${host}
wsrep-gtid-mode = ON
wsrep-gtid-domain-id = ${clusterDomain}
wsrep-sst-method = rsync
`;
    })
    .join('\n');
}

function replicas(site: StarSite): string {
  const grants = `-- Once at each replica, in mysql.* (which is not replicated): Keystone may read everything and write nothing but what a login leaves behind.
-- keystone/identity: a login by password writes the user's last day, and counts failed tries, lock-out or not. Without these a first login of the
-- day and a wrong password end with HTTP 500 at a read-only replica. They are this replica's own: the masters' rows overwrite them.
SET SESSION sql_log_bin = 0;
CREATE USER IF NOT EXISTS 'keystone'@'%' IDENTIFIED BY 'ITS_PASSWORD';
-- A grant on columns wants them to be there. These tables are empty, where there are none yet: join exchanges them for those of the masters.
CREATE DATABASE IF NOT EXISTS keystone;
CREATE TABLE IF NOT EXISTS keystone.user (last_active_at DATE);
CREATE TABLE IF NOT EXISTS keystone.local_user (failed_auth_count INT, failed_auth_at DATETIME);
GRANT SELECT ON keystone.* TO 'keystone'@'%';
GRANT UPDATE (last_active_at) ON keystone.user TO 'keystone'@'%';
GRANT UPDATE (failed_auth_count, failed_auth_at) ON keystone.local_user TO 'keystone'@'%';
GRANT READ ONLY ADMIN ON *.* TO 'keystone'@'%';
`;
  const files = site.nodes.map((n) => {
    const { host, port } = hostPort(n.database ?? n.address);
    return `# /etc/mysql/mariadb.conf.d/70-star.cnf of ${n.name}, fed by ${n.source ?? ''}
[mariadb]
bind-address = ${host}
port = ${port}
server-id = ${serverIdOf(n)}
gtid-domain-id = ${domainOf(serverIdOf(n))}
read-only = ON
replicate-wild-do-table = keystone.%
# A source that lost its power is missed after this.
slave-net-timeout = 10
# No log-bin: nothing follows a replica, and what a login writes makes no transaction of its own.
skip-log-bin
`;
  });
  return `${files.join('\n')}\n${grants}`;
}
