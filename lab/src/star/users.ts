import type { Secrets } from '../secrets.ts';

/** Reads dumps and follows; it is made at the masters, so every source knows it. */
export const replicationUser = 'replicator';

/** At the masters, once; the cluster carries it to all members. */
export const masterUsers = (secrets: Secrets): string =>
  [
    `CREATE DATABASE IF NOT EXISTS keystone;`,
    `CREATE OR REPLACE USER 'keystone'@'%' IDENTIFIED BY '${secrets.get('star/db/keystone')}';`,
    `GRANT ALL ON keystone.* TO 'keystone'@'%';`,
    `CREATE OR REPLACE USER '${replicationUser}'@'%' IDENTIFIED BY '${secrets.get(`star/db/${replicationUser}`)}';`,
    `GRANT REPLICATION SLAVE, BINLOG MONITOR, RELOAD ON *.* TO '${replicationUser}'@'%';`,
    `GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT ON keystone.* TO '${replicationUser}'@'%';`,
  ].join('\n');

/**
 * At a replica. Keystone notes each user's last login and failed logins even with stock settings: without these columns it would answer
 * 500 to the first login of a day and to every wrong password. Everything else stays refused, as on any read-only server.
 */
export const replicaGrants = (secrets: Secrets): string =>
  [
    `CREATE OR REPLACE USER 'keystone'@'%' IDENTIFIED BY '${secrets.get('star/db/keystone')}';`,
    `GRANT READ ONLY ADMIN ON *.* TO 'keystone'@'%';`,
    `GRANT SELECT ON keystone.* TO 'keystone'@'%';`,
    `GRANT UPDATE (last_active_at) ON keystone.user TO 'keystone'@'%';`,
    `GRANT UPDATE (failed_auth_count, failed_auth_at) ON keystone.local_user TO 'keystone'@'%';`,
  ].join('\n');
