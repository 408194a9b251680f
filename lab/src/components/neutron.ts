import { ini } from '../engine/ini.ts';
import type { Component } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { agentAlive, answers, authOptions, authToken, dbUrl, manage, transportUrl, wsgi } from './common.ts';

const serverFiles = ['--config-file', '/etc/neutron/neutron.conf', '--config-file', '/etc/neutron/plugins/ml2/ml2_conf.ini'];
const securityGroups = { enable_security_group: true, firewall_driver: 'openvswitch' };

export const neutron: Component = {
  name: 'neutron',
  files: (facts) => [
    {
      path: '/etc/neutron/neutron.conf',
      owner: 'root:neutron',
      mode: 0o640,
      content: ini({
        DEFAULT: {
          core_plugin: 'ml2', service_plugins: '', transport_url: transportUrl(facts), host: facts.site.hypervisor, auth_strategy: 'keystone',
          notify_nova_on_port_status_changes: true, notify_nova_on_port_data_changes: true, rpc_workers: 1, rpc_state_report_workers: 1, api_workers: 1,
        },
        database: { connection: dbUrl(facts, 'neutron') },
        keystone_authtoken: authToken(facts, 'neutron'),
        nova: authOptions(facts, 'nova'),
        placement: authOptions(facts, 'placement'),
        oslo_concurrency: { lock_path: '/var/lib/neutron/tmp' },
        // The agent runs as root: no rootwrap between it and its helpers.
        agent: { root_helper: '' },
      }),
    },
    {
      path: '/etc/neutron/plugins/ml2/ml2_conf.ini',
      content: ini({
        ml2: { type_drivers: 'vxlan', tenant_network_types: 'vxlan', mechanism_drivers: 'openvswitch,l2population', extension_drivers: 'port_security' },
        ml2_type_vxlan: { vni_ranges: '1000:2000' },
        securitygroup: securityGroups,
      }),
    },
    {
      path: '/etc/neutron/plugins/ml2/openvswitch_agent.ini',
      owner: 'root:neutron',
      mode: 0o640,
      content: ini({
        // No kernel module: Open vSwitch forwards in user space.
        ovs: { local_ip: facts.site.underlayIp, datapath_type: 'netdev', ovsdb_connection: 'tcp:127.0.0.1:6640' },
        agent: { tunnel_types: 'vxlan', l2_population: true, arp_responder: true },
        securitygroup: securityGroups,
      }),
    },
  ],
  init: [
    { name: 'neutron-db', needs: ['databases'], run: async (context) => void (await manage(context, 'neutron', ['neutron-db-manage', ...serverFiles, 'upgrade', 'heads'])) },
  ],
  services: [
    {
      name: 'neutron-api',
      user: 'neutron',
      needs: ['mariadb', 'rabbitmq', 'keystone', 'catalogue', 'neutron-db'],
      command: () => wsgi(ports.network, ['--module', 'neutron.wsgi.api:application']),
      ready: answers('network'),
    },
    {
      name: 'neutron-rpc',
      user: 'neutron',
      needs: ['mariadb', 'rabbitmq', 'keystone', 'catalogue', 'neutron-db'],
      command: () => ['neutron-rpc-server', ...serverFiles],
      // It has no port of its own: it serves when its workers have their connections to the broker.
      async ready({ exec }) {
        const { stdout } = await exec(['ss', '-Htnp', 'state', 'established', 'dport = :5672'], { timeoutMs: 5000 });
        return /"neutron-(rpc|serv)/.test(stdout) ? undefined : 'not connected to RabbitMQ';
      },
    },
    {
      name: 'neutron-ovs-agent',
      needs: ['rabbitmq', 'neutron-api', 'neutron-rpc', 'ovs-vswitchd'],
      command: () => ['neutron-openvswitch-agent', '--config-file', '/etc/neutron/neutron.conf', '--config-file', '/etc/neutron/plugins/ml2/openvswitch_agent.ini'],
      async prepare({ execOk }) {
        await execOk(['install', '-d', '/run/neutron', '/var/lib/neutron/tmp']);
      },
      ready: agentAlive('neutron-openvswitch-agent'),
      timeoutS: 180,
    },
  ],
};
