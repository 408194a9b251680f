import type { Component, SiteFacts } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { keystonePort, masterSites, starNodes } from './plan.ts';

/** The site's address: reads, logins and validation at home, every other write at the master cluster. `godwit identity render` writes a better one. */
function haproxyConf({ site, topology }: SiteFacts): string {
  const nodes = starNodes(topology);
  const server = (n: (typeof nodes)[number], more = ''): string =>
    `    server ${n.name} ${n.site.ip}:${String(keystonePort(n.number))} check inter 2s fall 3 rise 1${more}`;
  const home = nodes.filter((n) => n.site.name === site.name);
  const masters = masterSites(topology).flatMap((s) => nodes.filter((n) => n.site.name === s.name));
  return [
    'global', '    maxconn 400', '    nbthread 1', '    stats socket /run/haproxy/admin.sock mode 600 level admin',
    'defaults', '    mode http', '    timeout connect 2s', '    timeout client 60s', '    timeout server 60s', '    timeout http-keep-alive 30s',
    '    timeout check 8s', '    option redispatch', '    retries 2', '    option httpchk GET /v3',
    'frontend identity', `    bind ${site.ip}:${String(ports.identity)}`,
    '    acl reads method GET HEAD OPTIONS', '    acl logs_in method POST', '    acl tokens path /v3/auth/tokens /v3/auth/tokens/', '    acl home_is_up nbsrv(home) gt 0',
    '    use_backend home if reads home_is_up', '    use_backend home if logs_in tokens home_is_up', '    default_backend masters',
    'backend home', ...home.map((n) => server(n)),
    'backend masters', ...masters.map((n, i) => server(n, i === 0 ? '' : ' backup')), '',
  ].join('\n');
}

export const haproxy: Component = {
  name: 'haproxy',
  files: (facts) => [{ path: '/etc/haproxy/keystone.cfg', content: haproxyConf(facts), once: true }],
  init: [],
  services: [
    {
      name: 'haproxy',
      needs: [],
      command: () => ['haproxy', '-W', '-db', '-f', '/etc/haproxy/keystone.cfg'],
      async prepare({ execOk }) {
        await execOk(['install', '-d', '/run/haproxy']);
      },
      async ready({ relay, site }) {
        await relay.tcp(site.ip, ports.identity);
        return undefined;
      },
    },
  ],
};
