import { ini } from '../engine/ini.ts';
import type { Component } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { answers, authToken, dbUrl, manage, transportUrl } from './common.ts';

export const glance: Component = {
  name: 'glance',
  files: (facts) => [
    {
      path: '/etc/glance/glance-api.conf',
      owner: 'root:glance',
      mode: 0o640,
      content: ini({
        DEFAULT: {
          bind_host: '0.0.0.0', bind_port: ports.image, workers: 1,
          enabled_backends: 'file1:file',
          worker_self_reference_url: `http://${facts.site.ip}:${String(ports.image)}`,
          transport_url: transportUrl(facts),
          // Without the brackets every POST /v2/images answers 500.
          enabled_import_methods: '[glance-direct,web-download,glance-download,copy-image]',
        },
        database: { connection: dbUrl(facts, 'glance') },
        glance_store: { default_backend: 'file1' },
        file1: { filesystem_store_datadir: '/var/lib/glance/images' },
        os_glance_staging_store: { filesystem_store_datadir: '/var/lib/glance/staging' },
        os_glance_tasks_store: { filesystem_store_datadir: '/var/lib/glance/tasks' },
        // By default only ports 80 and 443 may be fetched from; here is another Glance's, and godwit-server's.
        import_filtering_opts: { allowed_ports: `[80,443,${String(ports.image)},8790]` },
        keystone_authtoken: authToken(facts, 'glance'),
        paste_deploy: { flavor: 'keystone' },
      }),
    },
  ],
  init: [{ name: 'glance-db', needs: ['databases'], run: async (context) => void (await manage(context, 'glance', ['glance-manage', 'db_sync'])) }],
  services: [
    {
      name: 'glance-api',
      user: 'glance',
      needs: ['mariadb', 'rabbitmq', 'keystone', 'catalogue', 'glance-db'],
      command: () => ['glance-api', '--config-file', '/etc/glance/glance-api.conf'],
      ready: answers('image'),
    },
  ],
};
