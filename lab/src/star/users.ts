import type { Secrets } from '../secrets.ts';

/** Reads dumps and follows; it is made at the masters, so every source knows it. */
export const replicationUser = 'replicator';

/** What Godwit's agent is at the database of its node. */
export const agentUser = 'godwit';

const agentAccount = (secrets: Secrets, ...grants: string[]): string[] => [
  `CREATE OR REPLACE USER '${agentUser}'@'localhost' IDENTIFIED BY '${secrets.get(`star/db/${agentUser}`)}';`,
  ...grants.map((g) => `GRANT ${g} TO '${agentUser}'@'localhost';`),
];

/** At the masters, once; the cluster carries it to all members. */
export const masterUsers = (secrets: Secrets): string =>
  [
    `CREATE DATABASE IF NOT EXISTS keystone;`,
    `CREATE OR REPLACE USER 'keystone'@'%' IDENTIFIED BY '${secrets.get('star/db/keystone')}';`,
    `GRANT ALL ON keystone.* TO 'keystone'@'%';`,
    `CREATE OR REPLACE USER '${replicationUser}'@'%' IDENTIFIED BY '${secrets.get(`star/db/${replicationUser}`)}';`,
    `GRANT REPLICATION SLAVE, BINLOG MONITOR, RELOAD ON *.* TO '${replicationUser}'@'%';`,
    `GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER ON keystone.* TO '${replicationUser}'@'%';`,
    ...agentAccount(secrets, 'REPLICA MONITOR, BINLOG MONITOR ON *.*', 'SELECT ON keystone.*'),
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
    ...agentAccount(
      secrets, 'REPLICA MONITOR, REPLICATION SLAVE ADMIN, REPLICATION MASTER ADMIN, READ ONLY ADMIN, BINLOG MONITOR, RELOAD ON *.*', 'ALL ON keystone.*', 'ALL ON `keystone\\_godwit\\_%`.*',
    ),
  ].join('\n');

/** The same before there is any data: grants on columns want the columns, and stay when their tables go. */
export const emptyReplicaGrants = (secrets: Secrets): string =>
  [
    'CREATE DATABASE keystone;', 'CREATE TABLE keystone.user (last_active_at DATE);', 'CREATE TABLE keystone.local_user (failed_auth_count INT, failed_auth_at DATETIME);',
    replicaGrants(secrets), 'DROP DATABASE keystone;',
  ].join('\n');
