import { ini } from '../engine/ini.ts';
import type { Component, SiteContext, SiteFacts } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { answers, authOptions, authToken, cacheOptions, dbUrl, listedUp, manage, transportUrl, wsgi } from './common.ts';

const host = ({ site }: SiteContext): string => site.hypervisor;

/** `databases`: only the controllers' file names them; a compute node with access to the database is a wrong set-up. */
function novaConf(facts: SiteFacts, databases: boolean): string {
  const { site, secrets } = facts;
  return ini({
    DEFAULT: {
      transport_url: transportUrl(facts),
      my_ip: site.ip,
      host: site.hypervisor,
      state_path: '/var/lib/nova',
      compute_driver: 'libvirt.LibvirtDriver',
      force_config_drive: true,
      // Guests on two emulated processors come up slowly; the port's event comes long before.
      vif_plugging_timeout: 120,
    },
    ...(databases ? { api_database: { connection: dbUrl(facts, 'nova', 'nova_api') }, database: { connection: dbUrl(facts, 'nova') } } : {}),
    api: { auth_strategy: 'keystone' },
    cache: cacheOptions(facts),
    keystone_authtoken: authToken(facts, 'nova'),
    service_user: { send_service_user_token: true, ...authOptions(facts, 'nova') },
    placement: authOptions(facts, 'placement'),
    neutron: { service_metadata_proxy: false, ...authOptions(facts, 'neutron') },
    cinder: { os_region_name: site.name, ...authOptions(facts, 'cinder') },
    glance: { region_name: site.name },
    oslo_concurrency: { lock_path: '/var/lib/nova/tmp' },
    // KVM does not run stock guests inside another guest everywhere: emulation always works.
    libvirt: { virt_type: 'qemu', cpu_mode: 'none', rbd_user: 'admin', rbd_secret_uuid: secrets.uuid(`${site.name}/ceph`) },
    os_vif_ovs: { ovsdb_connection: 'tcp:127.0.0.1:6640' },
    vnc: { enabled: false },
    conductor: { workers: 1 },
    scheduler: { workers: 1, discover_hosts_in_cells_interval: 10 },
  });
}

export const nova: Component = {
  name: 'nova',
  files: (facts) => [
    { path: '/etc/nova/nova.conf', owner: 'root:nova', mode: 0o640, content: novaConf(facts, true) },
    { path: '/etc/nova/nova-compute.conf', owner: 'root:nova', mode: 0o640, content: novaConf(facts, false) },
  ],
  init: [
    {
      name: 'nova-db',
      needs: ['databases'],
      async run(context) {
        const step = (...argv: string[]): Promise<string> => manage(context, 'nova', ['nova-manage', ...argv]);
        await step('api_db', 'sync');
        // Both take their URLs, which hold a password, from the configuration.
        await step('cell_v2', 'map_cell0');
        const { code, stderr } = await context.exec(['nova-manage', 'cell_v2', 'create_cell', '--name', 'cell1'], { user: 'nova' });
        // 2: this cell is there already.
        if (code !== 0 && code !== 2) throw new Error(`nova-manage cell_v2 create_cell: ${stderr}`);
        await step('db', 'sync');
      },
    },
  ],
  services: [
    {
      name: 'nova-api',
      user: 'nova',
      needs: ['mariadb', 'rabbitmq', 'keystone', 'catalogue', 'nova-db'],
      // One thread each, as Debian has it: an image's upload goes through eventlet's thread pool, which answers only the thread that
      // first used it. With several, createImage of a server on volumes makes the image and never answers.
      command: () => wsgi(ports.compute, ['--wsgi-file', '/usr/bin/nova-api-wsgi'], { processes: 3, threads: 1 }),
      // With eventlet's patches RPC replies are lost under uWSGI, and calls hang for 60 s.
      env: () => ({ OS_NOVA_DISABLE_EVENTLET_PATCHING: '1' }),
      ready: answers('compute'),
    },
    { name: 'nova-conductor', user: 'nova', needs: ['rabbitmq', 'nova-db', 'nova-api'], command: () => ['nova-conductor'], ready: listedUp('compute', 'nova-conductor', host) },
    {
      name: 'nova-scheduler',
      user: 'nova',
      needs: ['rabbitmq', 'nova-db', 'placement-api', 'nova-api'],
      command: () => ['nova-scheduler'],
      ready: listedUp('compute', 'nova-scheduler', host),
    },
  ],
};
