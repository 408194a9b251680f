import { createHash } from 'node:crypto';
import { z } from 'zod';

const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'host:port');
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
const seconds = (fallback: number, min = 1) => z.number().int().min(min).default(fallback);

const nodeSchema = z.strictObject({
  name: name.describe('of the agent on it, as it was enrolled'),
  address: hostPort.describe('its Keystone'),
  ready: hostPort.describe('where its agent answers /ready'),
  tls: z.boolean().default(false).describe('its Keystone speaks TLS'),
  database: hostPort.optional().describe('its MariaDB, as the other nodes reach it; needed of masters, which feed replicas'),
  source: z.string().optional().describe('of a replica: the master site that feeds it; left out, they take turns'),
  serverId: z.number().int().min(1).max(4_294_967_195).optional().describe('MariaDB’s server_id; its gtid_domain_id is 100 more. Left out: from the name'),
});

const siteSchema = z.strictObject({
  role: z.enum(['master', 'replica']),
  region: z.string().optional().describe('default: the site’s'),
  bind: hostPort.describe('what the site’s HAProxy listens on'),
  url: z.url({ protocol: /^https?$/ }).describe('the site’s Keystone as users and services reach it'),
  crt: z.string().optional().describe('certificate and key for HAProxy’s bind, a path on its host'),
  nodes: z.array(nodeSchema).min(1),
});

export const identitySchema = z.strictObject({
  tokens: z.strictObject({ expirationSeconds: seconds(3_600), allowExpiredWindowSeconds: seconds(172_800, 0) }).prefault({}),
  fernet: z.strictObject({ periodSeconds: seconds(86_400), maxActiveKeys: z.number().int().min(3).default(5), scheduled: z.boolean().default(true) }).prefault({}),
  credential: z.strictObject({ periodSeconds: seconds(30 * 86_400), scheduled: z.boolean().default(false) }).prefault({}),
  clockSkewSeconds: seconds(5).describe('more between a node and the controller is a fault'),
  lagLimitSeconds: seconds(30),
  repointAfterSeconds: seconds(30).describe('a replica whose source is gone for so long follows another'),
  returnAfterSeconds: seconds(120).describe('its own source must be well for so long before it goes back'),
  probeSeconds: seconds(5),
  loginsAtMaster: z.boolean().default(false).describe('logins by password go to the masters while those answer: for lock-out that counts over all sites'),
  readYourWritesSeconds: seconds(5, 0).describe('for so long after a write a user’s reads go to the masters too; 0: never'),
  caFile: z.string().optional().describe('for HAProxy: CA of the nodes’ certificates, a path on its host'),
  sites: z.record(z.string(), siteSchema).refine((s) => Object.keys(s).length > 0, 'declare at least one site'),
});
export type IdentityConfig = z.infer<typeof identitySchema>;
export type IdentitySiteConfig = IdentityConfig['sites'][string];
export type IdentityNodeConfig = IdentitySiteConfig['nodes'][number];

/**
 * A number of a MariaDB that no other has, whatever comes into the star or goes out of it: two servers with one server_id drop each other's
 * transactions for their own. Small numbers are left to those that people give.
 */
export const serverIdOf = (node: Pick<IdentityNodeConfig, 'name' | 'serverId'>): number =>
  node.serverId ?? 1_000 + (createHash('sha256').update(node.name).digest().readUInt32BE() % (0x7fffffff - 1_000));

/** What the schema alone cannot see; each as a sentence. Sources that were left out are filled in. */
export function completeIdentity(config: IdentityConfig, sites: readonly string[]): { readonly config: IdentityConfig; readonly wrong: readonly string[] } {
  const wrong: string[] = [];
  const entries = Object.entries(config.sites);
  const masters = entries.filter(([, s]) => s.role === 'master').map(([n]) => n);
  if (masters.length === 0) wrong.push('identity.sites: one at least must have the role master');
  const seen = new Map<string, string>();
  const once = (what: string, value: string, where: string): void => {
    const before = seen.get(`${what} ${value}`);
    if (before !== undefined) wrong.push(`${where}: ${what} ${value} is that of ${before} already`);
    seen.set(`${what} ${value}`, where);
  };
  const filled = entries.map(([site, s]): [string, IdentitySiteConfig] => {
    const at = `identity.sites.${site}`;
    if (!sites.includes(site)) wrong.push(`${at}: there is no site ${site}; sites: ${sites.join(', ')}`);
    const nodes = s.nodes.map((n, i): IdentityNodeConfig => {
      const where = `${at}.nodes.${i}`;
      once('name', n.name, where);
      once('address', n.address, where);
      if (n.database !== undefined) once('database', n.database, where);
      once('serverId', String(serverIdOf(n)), where);
      if (s.role === 'master') {
        if (n.source !== undefined) wrong.push(`${where}: source is for replicas; ${site} is a master`);
        if (n.database === undefined) wrong.push(`${where}: database is needed, replicas follow it`);
        return n;
      }
      if (n.source !== undefined && !masters.includes(n.source)) wrong.push(`${where}: source ${n.source} is no master site; masters: ${masters.join(', ') || 'none'}`);
      const source = n.source ?? masters[i % masters.length];
      return source === undefined ? n : { ...n, source };
    });
    if (s.role === 'replica' && nodes.length < 2) wrong.push(`${at}: a replica site needs two Keystones at least, each with a database of its own; with one, the site has none while that is away`);
    if (s.role === 'replica' && nodes.length > 1 && masters.length > 1 && new Set(nodes.map((n) => n.source)).size === 1) {
      wrong.push(`${at}: its replicas are all fed by ${nodes[0]?.source ?? ''}; give one of them another source, so that the site follows when that one is lost`);
    }
    return [site, { ...s, nodes }];
  });
  return { config: { ...config, sites: Object.fromEntries(filled) }, wrong };
}
