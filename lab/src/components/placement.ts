import { ini } from '../engine/ini.ts';
import type { Component } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { answers, authToken, dbUrl, manage, wsgi } from './common.ts';

export const placement: Component = {
  name: 'placement',
  files: (facts) => [
    {
      path: '/etc/placement/placement.conf',
      owner: 'root:placement',
      mode: 0o640,
      content: ini({
        DEFAULT: {},
        placement_database: { connection: dbUrl(facts, 'placement') },
        api: { auth_strategy: 'keystone' },
        keystone_authtoken: authToken(facts, 'placement'),
      }),
    },
  ],
  init: [{ name: 'placement-db', needs: ['databases'], run: async (context) => void (await manage(context, 'placement', ['placement-manage', 'db', 'sync'])) }],
  services: [
    {
      name: 'placement-api',
      user: 'placement',
      needs: ['mariadb', 'keystone', 'catalogue', 'placement-db'],
      command: () => wsgi(ports.placement, ['--module', 'placement.wsgi.api:application']),
      ready: answers('placement'),
    },
  ],
};
