import { ini } from '../engine/ini.ts';
import type { Component, SiteContext } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { answers, authOptions, authToken, dbUrl, listedUp, manage, transportUrl, wsgi } from './common.ts';

const host = ({ site }: SiteContext): string => site.name;

export const cinderFolders = async ({ execOk }: SiteContext): Promise<void> => {
  await execOk(['install', '-d', '-o', 'cinder', '-g', 'cinder', '/var/lib/cinder/backups', '/var/lib/cinder/conversion', '/var/lib/cinder/tmp']);
};

export const cinder: Component = {
  name: 'cinder',
  files: (facts) => [
    {
      path: '/etc/cinder/cinder.conf',
      owner: 'root:cinder',
      mode: 0o640,
      content: ini({
        DEFAULT: {
          transport_url: transportUrl(facts), auth_strategy: 'keystone', my_ip: facts.site.ip, host: facts.site.name,
          enabled_backends: 'ceph', default_volume_type: facts.topology.cinder.volumeTypes[0]?.name,
          glance_api_servers: `http://${facts.site.ip}:${String(ports.image)}`, state_path: '/var/lib/cinder', rootwrap_config: '/etc/cinder/rootwrap.conf',
          // With the defaults the backup service is listed as down for its first 100 seconds.
          periodic_interval: 10, periodic_fuzzy_delay: 0, backup_driver_stats_polling_interval: 10,
          backup_driver: 'cinder.backup.drivers.posix.PosixBackupDriver', backup_posix_path: '/var/lib/cinder/backups',
          backup_compression_algorithm: facts.topology.cinder.backup.compression, backup_workers: 1,
        },
        database: { connection: dbUrl(facts, 'cinder') },
        keystone_authtoken: authToken(facts, 'cinder'),
        nova: { ...authOptions(facts, 'nova'), interface: 'public' },
        service_user: { send_service_user_token: true, ...authOptions(facts, 'cinder') },
        oslo_concurrency: { lock_path: '/var/lib/cinder/tmp' },
        ceph: {
          volume_driver: 'cinder.volume.drivers.rbd.RBDDriver', volume_backend_name: 'ceph', rbd_pool: 'volumes', rbd_ceph_conf: '/etc/ceph/ceph.conf',
          rbd_user: 'admin', rbd_secret_uuid: facts.secrets.uuid(`${facts.site.name}/ceph`), rbd_flatten_volume_from_snapshot: false,
        },
      }),
    },
  ],
  init: [{ name: 'cinder-db', needs: ['databases'], run: async (context) => void (await manage(context, 'cinder', ['cinder-manage', 'db', 'sync'])) }],
  services: [
    {
      name: 'cinder-api',
      user: 'cinder',
      needs: ['mariadb', 'rabbitmq', 'keystone', 'catalogue', 'cinder-db'],
      command: () => wsgi(ports.volume, ['--module', 'cinder.wsgi.api:application']),
      ready: answers('volume'),
    },
    { name: 'cinder-scheduler', user: 'cinder', needs: ['rabbitmq', 'cinder-api'], command: () => ['cinder-scheduler'], ready: listedUp('volume', 'cinder-scheduler', host) },
    { name: 'cinder-volume', user: 'cinder', needs: ['rabbitmq', 'cinder-api', 'ceph-pool', 'ceph-osd'], command: () => ['cinder-volume'], prepare: cinderFolders, ready: listedUp('volume', 'cinder-volume', host) },
    { name: 'cinder-backup', user: 'cinder', needs: ['rabbitmq', 'cinder-api', 'ceph-pool', 'ceph-osd'], command: () => ['cinder-backup'], prepare: cinderFolders, ready: listedUp('volume', 'cinder-backup', host) },
  ],
};
