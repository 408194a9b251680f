import type { Component } from '../engine/types.ts';

/** Databases, and the user that owns each. */
const databases: readonly (readonly [database: string, user: string])[] = [
  ['keystone', 'keystone'], ['glance', 'glance'], ['placement', 'placement'],
  ['nova', 'nova'], ['nova_api', 'nova'], ['nova_cell0', 'nova'],
  ['neutron', 'neutron'], ['cinder', 'cinder'],
];

export const mariadb: Component = {
  name: 'mariadb',
  files: ({ site }) => [
    {
      path: '/etc/mysql/mariadb.conf.d/90-lab.cnf',
      content: [
        '[mariadbd]', 'bind-address = 0.0.0.0', 'skip-name-resolve', `server-id = ${String(site.index)}`, 'max-connections = 600',
        'innodb-buffer-pool-size = 128M', 'innodb-flush-log-at-trx-commit = 2', 'innodb-log-file-size = 48M', 'performance-schema = OFF',
        // This MariaDB's default makes concurrent logins fail with error 1020, which OpenStack does not retry.
        'innodb-snapshot-isolation = OFF',
        'character-set-server = utf8mb3', 'log-error =', '',
      ].join('\n'),
    },
  ],
  init: [
    {
      name: 'databases',
      needs: ['mariadb'],
      async run({ execOk, secrets, site }) {
        const users = [...new Set(databases.map(([, user]) => user))];
        const sql = [
          ...users.map((u) => `CREATE OR REPLACE USER '${u}'@'%' IDENTIFIED BY '${secrets.get(`${site.name}/db/${u}`)}';`),
          ...databases.map(([database, user]) => `CREATE DATABASE IF NOT EXISTS ${database}; GRANT ALL ON ${database}.* TO '${user}'@'%';`),
        ];
        await execOk(['mariadb'], { input: sql.join('\n') });
      },
    },
  ],
  services: [
    {
      name: 'mariadb',
      user: 'mysql',
      needs: [],
      command: () => ['mariadbd'],
      async prepare({ execOk }) {
        await execOk(['install', '-d', '-o', 'mysql', '-g', 'mysql', '/run/mysqld']);
      },
      async ready({ exec }) {
        const { code, stderr } = await exec(['mariadb', '-e', 'select 1'], { timeoutMs: 5000 });
        return code === 0 ? undefined : stderr.trim();
      },
    },
  ],
};
