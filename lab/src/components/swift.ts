import { ini, type IniSection } from '../engine/ini.ts';
import type { Component, Service, SiteContext, SiteFacts, SiteFile } from '../engine/types.ts';
import { ensureEntry, ensureProject, ensureRole, ensureUser, grant } from '../seed/catalogue.ts';
import { ports } from '../seed/site-api.ts';
import { authToken } from './common.ts';

/** The user that cinder-backups write with, to the account of project `service`. */
export const backupUser = 'swift-backup';

/** The role that makes its holder an owner of a project's account. */
const operator = 'swiftoperator';

const kinds = { account: 6202, container: 6201, object: 6200 } as const;
type Kind = keyof typeof kinds;

/** A daemon that does not fork: its one process is enough, and is the one whose death is seen. */
const bind = ({ site }: SiteFacts, port: number): IniSection => ({ bind_ip: site.ip, bind_port: port, workers: 0, user: 'swift', log_level: 'INFO' });

const conf = (name: string, content: string): SiteFile => ({ path: `/etc/swift/${name}.conf`, owner: 'root:swift', mode: 0o640, content });

const storageConf = (facts: SiteFacts, kind: Kind): SiteFile =>
  conf(
    `${kind}-server`,
    ini({
      DEFAULT: { ...bind(facts, kinds[kind]), devices: '/srv/node', mount_check: false, disable_fallocate: true },
      'pipeline:main': { pipeline: `healthcheck ${kind}-server` },
      [`app:${kind}-server`]: { use: `egg:swift#${kind}` },
      'filter:healthcheck': { use: 'egg:swift#healthcheck' },
    }),
  );

const proxyConf = (facts: SiteFacts): SiteFile => {
  const egg = (name: string): IniSection => ({ use: `egg:swift#${name}` });
  return conf(
    'proxy-server',
    ini({
      DEFAULT: bind(facts, ports['object-store']),
      'pipeline:main': { pipeline: 'catch_errors gatekeeper healthcheck cache listing_formats authtoken keystoneauth slo dlo proxy-logging proxy-server' },
      'app:proxy-server': { ...egg('proxy'), account_autocreate: true },
      'filter:catch_errors': egg('catch_errors'),
      'filter:gatekeeper': egg('gatekeeper'),
      'filter:healthcheck': egg('healthcheck'),
      'filter:cache': { ...egg('memcache'), memcache_servers: `${facts.site.ip}:11211` },
      'filter:listing_formats': egg('listing_formats'),
      'filter:authtoken': { 'paste.filter_factory': 'keystonemiddleware.auth_token:filter_factory', delay_auth_decision: true, ...authToken(facts, 'swift') },
      'filter:keystoneauth': { ...egg('keystoneauth'), operator_roles: `admin, ${operator}` },
      'filter:slo': egg('slo'),
      'filter:dlo': egg('dlo'),
      'filter:proxy-logging': egg('proxy_logging'),
    }),
  );
};

/** One copy on one device. The packages' folder for old builder files is a link to nowhere, on which the builder fails. */
const ring = `
set -e
kind=$1 ip=$2 port=$3
install -d -o swift -g swift /srv/node/d1 /var/backups/swift
cd /etc/swift
[ ! -e "$kind.ring.gz" ] || exit 0
rm -f "$kind.builder"
swift-ring-builder "$kind.builder" create 4 1 1
swift-ring-builder "$kind.builder" add --region 1 --zone 1 --ip "$ip" --port "$port" --device d1 --weight 1
swift-ring-builder "$kind.builder" rebalance
`;

const storage = (kind: Kind): Service => ({
  name: `swift-${kind}`,
  user: 'swift',
  needs: [],
  command: () => [`swift-${kind}-server`, `/etc/swift/${kind}-server.conf`, '--verbose'],
  prepare: async ({ execOk, site }) => void (await execOk(['sh', '-c', ring, 'ring', kind, site.ip, String(kinds[kind])])),
  async ready({ relay, site }) {
    const answer = await relay.http(`http://${site.ip}:${String(kinds[kind])}/healthcheck`);
    return answer.status === 200 ? undefined : `HTTP ${String(answer.status)}`;
  },
});

/** Users and catalogue entry are made when the proxy is first started: a site that never uses Swift has none. */
async function register(context: SiteContext): Promise<void> {
  const [project, admin, service, owner] = await Promise.all([
    ensureProject(context, 'service'), ensureRole(context, 'admin'), ensureRole(context, 'service'), ensureRole(context, operator),
  ]);
  const [own, backup] = await Promise.all([ensureUser(context, 'swift'), ensureUser(context, backupUser)]);
  await grant(context, project, own, admin);
  await grant(context, project, own, service);
  await grant(context, project, backup, owner);
  await ensureEntry(context, 'swift', 'object-store', `${context.api.url('object-store')}/v1/AUTH_%(project_id)s`);
}

/** A whole Swift in four processes. */
export const swift: Component = {
  name: 'swift',
  files: (facts) => [
    conf('swift', ini({
      'swift-hash': { swift_hash_path_prefix: facts.secrets.get(`${facts.site.name}/swift/prefix`), swift_hash_path_suffix: facts.secrets.get(`${facts.site.name}/swift/suffix`) },
      'storage-policy:0': { name: 'one-copy', default: true },
    })),
    ...(Object.keys(kinds) as Kind[]).map((kind) => storageConf(facts, kind)),
    proxyConf(facts),
  ],
  init: [],
  services: [
    storage('account'),
    storage('container'),
    storage('object'),
    {
      name: 'swift-proxy',
      user: 'swift',
      needs: ['memcached', 'keystone', 'catalogue', 'swift-account', 'swift-container', 'swift-object'],
      command: () => ['swift-proxy-server', '/etc/swift/proxy-server.conf', '--verbose'],
      prepare: register,
      // The whole way: a token that Keystone accepts, an account, its database on the device.
      async ready({ api }) {
        await api.call('object-store', 'GET', `/v1/AUTH_${await api.adminProject()}?format=json`, undefined, { timeoutMs: 20_000 });
        return undefined;
      },
    },
  ],
};
