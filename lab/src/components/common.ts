import type { IniSection } from '../engine/ini.ts';
import type { Service, SiteContext, SiteFacts } from '../engine/types.ts';
import { ports, type Json, type ServiceName } from '../seed/site-api.ts';

export const dbUrl = ({ site, secrets }: SiteFacts, user: string, database = user): string =>
  `mysql+pymysql://${user}:${secrets.get(`${site.name}/db/${user}`)}@${site.ip}/${database}`;

export const transportUrl = ({ site, secrets }: SiteFacts): string => `rabbit://openstack:${secrets.get(`${site.name}/rabbit/openstack`)}@${site.ip}:5672/`;

/** Credentials of a service's own user, for any section that takes keystoneauth options. */
export const authOptions = ({ site, secrets }: SiteFacts, user: string): IniSection => ({
  auth_url: `http://${site.ip}:${String(ports.identity)}`,
  auth_type: 'password',
  project_domain_name: 'Default',
  user_domain_name: 'Default',
  project_name: 'service',
  username: user,
  password: secrets.get(`${site.realm}/user/${user}`),
  region_name: site.name,
});

export const authToken = (facts: SiteFacts, user: string): IniSection => ({
  ...authOptions(facts, user),
  www_authenticate_uri: `http://${facts.site.ip}:${String(ports.identity)}`,
  memcached_servers: `${facts.site.ip}:11211`,
  service_token_roles: 'service',
  service_token_roles_required: true,
});

/** Memcached shared by a service's processes: with a cache of its own each would serve stale answers of the others' writes. */
export const cacheOptions = ({ site }: SiteFacts): IniSection => ({
  enabled: true,
  backend: 'dogpile.cache.pymemcache',
  memcache_servers: `${site.ip}:11211`,
});

/** A WSGI application under uWSGI. Without `Connection: close` clients see resets. */
export function wsgi(port: number, app: readonly [kind: '--module' | '--wsgi-file', what: string], { processes = 1, threads = 8 } = {}): readonly string[] {
  return [
    'uwsgi', '--plugin', 'python3', '--http-socket', `0.0.0.0:${String(port)}`, ...app,
    '--processes', String(processes), '--threads', String(threads), '--enable-threads', '--lazy-apps', '--master', '--die-on-term', '--close-on-exec2',
    '--buffer-size', '65535', '--post-buffering', '65536', '--listen', '100', '--add-header', 'Connection: close', '--disable-logging', '--log-4xx', '--log-5xx',
  ];
}

/** Ready when the API answers anything but a server error. */
export function answers(service: ServiceName, path = '/'): Service['ready'] {
  return async ({ api, relay }) => {
    const answer = await relay.http(`${api.url(service)}${path}`, { timeoutMs: 20_000 });
    return answer.status < 500 ? undefined : `HTTP ${String(answer.status)}`;
  };
}

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

/** Services write naive UTC times. */
const utc = (value: unknown): number => (typeof value === 'string' ? Date.parse(/Z|[+-]\d\d:\d\d$/.test(value) ? value : `${value.replace(' ', 'T')}Z`) : NaN);

/** Ready when the API lists this daemon as up by a heart-beat that is younger than its start: a row from before says nothing. */
export function listedUp(service: 'compute' | 'volume', binary: string, hostOf: (context: SiteContext) => string): Service['ready'] {
  return async (context, startedAt) => {
    const path = service === 'compute' ? '/v2.1/os-services' : `/v3/${await context.api.adminProject()}/os-services`;
    const answer = await context.api.call(service, 'GET', path, undefined, { timeoutMs: 20_000 });
    // cinder-volume's host is followed by its backend's name.
    const row = list(answer['services']).find((s) => s['binary'] === binary && typeof s['host'] === 'string' && s['host'].split('@')[0] === hostOf(context));
    if (!row) return 'not registered yet';
    if (row['state'] !== 'up') return `listed as ${String(row['state'])}`;
    return utc(row['updated_at'] ?? row['created_at']) >= startedAt.getTime() - 1000 ? undefined : 'no heart-beat since its start';
  };
}

export function agentAlive(binary: string): Service['ready'] {
  return async ({ api }, startedAt) => {
    const answer = await api.call('network', 'GET', `/v2.0/agents?binary=${binary}`, undefined, { timeoutMs: 20_000 });
    const row = list(answer['agents'])[0];
    if (!row) return 'not registered yet';
    if (row['alive'] !== true) return 'listed as down';
    return utc(row['heartbeat_timestamp']) >= startedAt.getTime() - 1000 ? undefined : 'no heart-beat since its start';
  };
}

/** Runs one of OpenStack's manage commands as its user. */
export const manage = (context: SiteContext, user: string, argv: readonly string[]): Promise<string> => context.execOk(argv, { user, timeoutMs: 600_000 });
