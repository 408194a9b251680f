import { createHash } from 'node:crypto';

import type { Component } from '../engine/types.ts';

/** RabbitMQ's own salted hash (rabbit_password_hashing_sha256). The salt is derived, so that the file stays the same. */
export function rabbitHash(password: string): string {
  const salt = createHash('sha256').update(`salt:${password}`).digest().subarray(0, 4);
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()]).toString('base64');
}

/** What the controller's user may touch: queues of its own, and the exchanges that it publishes and dead-letters to. */
const controller = { configure: '^godwit\\.', write: '^(godwit\\..*|nova|neutron|amq\\.default)$', read: '^(godwit\\..*|q-agent-notifier-l2population-update_fanout)$' };

export const rabbitmq: Component = {
  name: 'rabbitmq',
  files({ site, secrets }) {
    const user = (name: string): object => ({
      name, password_hash: rabbitHash(secrets.get(`${site.name}/rabbit/${name}`)), hashing_algorithm: 'rabbit_password_hashing_sha256', tags: [],
    });
    const definitions = {
      vhosts: [{ name: '/' }],
      users: [user('openstack'), user('godwit')],
      permissions: [
        { user: 'openstack', vhost: '/', configure: '.*', write: '.*', read: '.*' },
        { user: 'godwit', vhost: '/', ...controller },
      ],
    };
    const owner = 'rabbitmq:rabbitmq';
    return [
      { path: '/etc/rabbitmq/rabbitmq-env.conf', content: 'NODENAME=rabbit@localhost\n', owner },
      {
        path: '/etc/rabbitmq/rabbitmq.conf',
        content: ['definitions.import_backend = local_filesystem', 'definitions.local.path = /etc/rabbitmq/definitions.json', 'log.console = true', 'log.file = false', 'log.console.level = warning', 'disk_free_limit.absolute = 200MB', ''].join('\n'),
        owner,
      },
      { path: '/etc/rabbitmq/enabled_plugins', content: '[].\n', owner },
      { path: '/etc/rabbitmq/definitions.json', content: JSON.stringify(definitions), owner, mode: 0o600 },
    ];
  },
  init: [],
  services: [
    {
      name: 'rabbitmq',
      user: 'rabbitmq',
      needs: [],
      command: () => ['rabbitmq-server'],
      // Busy-waiting schedulers would eat the machine's two processors.
      env: () => ({ RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none', ERL_EPMD_ADDRESS: '127.0.0.1', RABBITMQ_NODENAME: 'rabbit@localhost' }),
      async prepare({ execOk }) {
        await execOk(['sh', '-c', 'install -d -o rabbitmq -g rabbitmq /run/rabbitmq && chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /var/log/rabbitmq']);
      },
      async ready({ relay, site }) {
        const answer = await relay.tcp(site.ip, 5672, Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'));
        return answer[0] === 1 ? undefined : 'no AMQP answer';
      },
    },
  ],
};
