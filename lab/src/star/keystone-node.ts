import { createHash } from 'node:crypto';

import { ini } from '../engine/ini.ts';
import type { Component, SiteContext, SiteFacts } from '../engine/types.ts';
import { wsgi } from '../components/common.ts';
import { configDir, databasePort, keyFolder, keystonePort, nodeOf, starOf, type NodeNumber } from './plan.ts';

/** It does not read the variable by which the WSGI application finds its configuration. */
export const keystoneManage = (n: NodeNumber): string[] => ['/usr/bin/keystone-manage', '--config-file', `${configDir(n)}/keystone.conf`];

function keystoneConf(facts: SiteFacts, n: NodeNumber): string {
  const { tokens, rotation } = starOf(facts.topology);
  return ini({
    DEFAULT: {},
    database: {
      connection: `mysql+pymysql://keystone:${facts.secrets.get('star/db/keystone')}@${facts.site.ip}:${String(databasePort(n))}/keystone`,
      max_pool_size: 2, max_overflow: 4, connection_recycle_time: 300,
    },
    // No cache that outlives a request: a site's own would go on believing in a user that another site has disabled, and a token found
    // in it would not be checked against the keys.
    token: { provider: 'fernet', expiration: tokens.expirationSeconds, allow_expired_window: tokens.allowExpiredWindowSeconds },
    fernet_tokens: { key_repository: keyFolder(n, 'fernet'), max_active_keys: rotation.maxActiveKeys },
    fernet_receipts: { key_repository: keyFolder(n, 'fernet'), max_active_keys: rotation.maxActiveKeys },
    credential: { key_repository: keyFolder(n, 'credential') },
    oslo_middleware: { enable_proxy_headers_parsing: true },
  });
}

/** The star's first keys, the same at every node. */
async function writeKeys({ secrets, write, execOk }: SiteContext, n: NodeNumber): Promise<void> {
  for (const kind of ['fernet', 'credential'] as const) {
    const folder = keyFolder(n, kind);
    for (const index of ['0', '1']) {
      const key = createHash('sha256').update(secrets.get(`star/${kind}/${index}`)).update(secrets.get(`star/${kind}/${index}/more`)).digest('base64url');
      write({ path: `${folder}/${index}`, owner: 'keystone:keystone', mode: 0o600, content: `${key}=` });
    }
    await execOk(['chown', 'keystone:keystone', folder]);
    await execOk(['chmod', '700', folder]);
  }
}

/** Keystone N of a site: its own configuration, keys and database; HAProxy stands in front. */
function keystoneNode(n: NodeNumber): Component {
  const name = `keystone-${n}` as const;
  return {
    name,
    files: (facts) => [{ path: `${configDir(n)}/keystone.conf`, owner: 'root:keystone', mode: 0o640, content: keystoneConf(facts, n) }],
    init: [
      {
        name: `${name}-keys`,
        needs: [],
        async run(context) {
          if (!nodeOf(context, n).joining) await writeKeys(context, n);
          else for (const kind of ['fernet', 'credential'] as const) await context.execOk(['install', '-d', '-o', 'keystone', '-g', 'keystone', '-m', '700', keyFolder(n, kind)]);
        },
      },
    ],
    services: [
      {
        name,
        user: 'keystone',
        needs: [`${name}-keys`, 'galera', 'star-database', `replica-${n}-seed`],
        // One thread each: several that serve their process's first requests at once enforce policies that are only half loaded.
        // Without keys its workers end as soon as they start, and uWSGI starts them again for ever.
        command: () => ['sh', '-c', 'until [ -e "$0/0" ]; do sleep 1; done; exec "$@"', keyFolder(n, 'fernet'), ...wsgi(keystonePort(n), ['--wsgi-file', '/usr/bin/keystone-wsgi-public'], { processes: 2, threads: 1 })],
        env: () => ({ OS_KEYSTONE_CONFIG_FILES: `${configDir(n)}/keystone.conf` }),
        async ready(context) {
          const { relay, site, exec } = context;
          if (nodeOf(context, n).joining && (await exec(['test', '-e', `${keyFolder(n, 'fernet')}/0`])).code !== 0) return undefined;
          const answer = await relay.http(`http://${site.ip}:${String(keystonePort(n))}/v3`, { timeoutMs: 20_000 });
          return answer.status < 500 ? undefined : `HTTP ${String(answer.status)}`;
        },
      },
    ],
  };
}

export const keystone1 = keystoneNode(1);
export const keystone2 = keystoneNode(2);
