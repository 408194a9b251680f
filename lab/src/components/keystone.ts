import { ini } from '../engine/ini.ts';
import type { Component } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { answers, cacheOptions, dbUrl, manage, wsgi } from './common.ts';

export const keystone: Component = {
  name: 'keystone',
  files: (facts) => [
    {
      path: '/etc/keystone/keystone.conf',
      owner: 'root:keystone',
      mode: 0o640,
      content: ini({
        DEFAULT: {},
        database: { connection: dbUrl(facts, 'keystone') },
        token: { provider: 'fernet' },
        fernet_tokens: { max_active_keys: 5 },
        cache: cacheOptions(facts),
      }),
    },
  ],
  init: [
    {
      name: 'keystone-db',
      needs: ['databases', 'memcached'],
      async run(context) {
        const { execOk, site, secrets } = context;
        await manage(context, 'keystone', ['keystone-manage', 'db_sync']);
        for (const kind of ['fernet', 'credential']) {
          // The package ships an empty key repository, in which the set-up makes no key.
          await execOk(['rm', '-rf', `/etc/keystone/${kind}-keys`]);
          await execOk(['keystone-manage', `${kind}_setup`, '--keystone-user', 'keystone', '--keystone-group', 'keystone']);
        }
        const url = `http://${site.ip}:${String(ports.identity)}/v3/`;
        await execOk(
          ['keystone-manage', 'bootstrap', '--bootstrap-admin-url', url, '--bootstrap-internal-url', url, '--bootstrap-public-url', url, '--bootstrap-region-id', site.name],
          { user: 'keystone', env: { OS_BOOTSTRAP_PASSWORD: secrets.get(`${site.name}/user/admin`) } },
        );
      },
    },
  ],
  services: [
    {
      name: 'keystone',
      user: 'keystone',
      needs: ['mariadb', 'memcached', 'keystone-db'],
      // One thread each: several that serve their process's first requests at once enforce policies that are only half loaded, and an
      // administrator is refused with 403.
      command: () => wsgi(ports.identity, ['--wsgi-file', '/usr/bin/keystone-wsgi-public'], { processes: 3, threads: 1 }),
      ready: answers('identity', '/v3'),
    },
  ],
};
