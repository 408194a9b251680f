import { readFile, stat } from 'node:fs/promises';
import * as z from 'zod/mini';
import { AgentError, reason } from '../protocol/errors.ts';

const path = z.string().check(z.regex(/^\//, 'an absolute path'));
const seconds = z.number().check(z.positive());
const account = z.strictObject({ user: z.string(), passwordFile: path });

const databaseSchema = z.strictObject({
  /** The local MariaDB's socket. */
  socket: z._default(path, '/run/mysqld/mysqld.sock'),
  /** Least privileges: docs/operators/agent.md has the grants. Without a password: by unix_socket, as the agent's own user. */
  user: z._default(z.string(), 'godwit'),
  passwordFile: z.optional(path),
  /** Keystone's. */
  database: z._default(z.string().check(z.regex(/^\w{1,64}$/)), 'keystone'),
  /** As whom a replica reads from its source. */
  replication: z.optional(account),
  /** As whom a dump is taken from the source; default: `replication`. */
  dump: z.optional(account),
  /** CA of the sources' certificates: with it, replication and dumps go over TLS only. */
  sourceCaFile: z.optional(path),
  /** A replica further behind than this is not ready. */
  maxLagSeconds: z._default(seconds, 60),
  /** Where mariadb-dump and mariadb are. */
  programs: z._default(path, '/usr/bin'),
});

const keystoneSchema = z.strictObject({
  fernet: z.optional(z.strictObject({ repository: path })),
  credential: z.optional(z.strictObject({ repository: path })),
  /** Octal. */
  mode: z._default(z.string().check(z.regex(/^0?[0-7]{3}$/)), '0600'),
  /** `uid:gid` of the keys; default: whom the directory belongs to. */
  owner: z.optional(z.string().check(z.regex(/^\d+:\d+$/, 'UID:GID in numbers'))),
  /** How long a Keystone may take from listing the repository to reading it. */
  settleSeconds: z._default(z.number().check(z.minimum(0), z.maximum(10)), 1),
  /** keystone.conf, and directories of more of them: their settings are reported, as rotation depends on them. */
  config: z._default(z.array(path), ['/etc/keystone/keystone.conf', '/etc/keystone/keystone.conf.d']),
  /** Re-encrypts credentials when their key changes, at a master. */
  manage: z._default(z.array(z.string()).check(z.minLength(1)), ['/usr/bin/keystone-manage']),
  /** Whether the controller may ask for the keys that are there: to take over an existing Keystone's. */
  handOver: z._default(z.boolean(), false),
  database: z.optional(databaseSchema),
});

const storageSchema = z.strictObject({
  /** Pools whose images may be mirrored: those of Cinder's back ends. */
  pools: z.array(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a pool’s name'))).check(z.minLength(1), z.maxLength(16)),
  /** The Ceph user, without `client.`: docs/operators/agent.md has its capabilities. */
  user: z._default(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)), 'godwit'),
  /** Default: where Ceph looks. */
  keyring: z.optional(path),
  conf: z._default(path, '/etc/ceph/ceph.conf'),
  program: z._default(path, '/usr/bin/rbd'),
});

const ipv4 = z.ipv4('an IPv4 address');
const udpPort = z.int().check(z.minimum(1), z.maximum(65_535));

const gatewaySchema = z.strictObject({
  /** Name of the network namespace (of `ip netns`) that it works in; left out: the agent's own. */
  netns: z.optional(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name of ip netns'))),
  /** Towards the site's hypervisors: the tunnel end that they send to, on an interface of their underlay. */
  site: z.strictObject({ address: ipv4, port: z._default(udpPort, 4_789) }),
  /** Towards the other sites' gateways. Another port than the site's, so that a VNI of one side may be another network's on the other. */
  transit: z.strictObject({ address: ipv4, port: z._default(udpPort, 4_790) }),
  /** Where ip and bridge are (package iproute2). */
  programs: z._default(path, '/usr/sbin'),
});

const configSchema = z.strictObject({
  stateDir: z._default(path, '/var/lib/godwit-agent'),
  /** `host:port`, besides those named at enrolment and told by the controllers. */
  controllers: z._default(z.array(z.string()), []),
  /** Where `GET /ready` is answered; left out: nowhere. */
  ready: z.optional(z.strictObject({ listen: z.string().check(z.regex(/^.+:\d+$/, 'HOST:PORT')) })),
  logLevel: z._default(z.enum(['debug', 'info', 'warn', 'error']), 'info'),
  keystone: z.optional(keystoneSchema),
  storage: z.optional(storageSchema),
  gateway: z.optional(gatewaySchema),
});

export type AgentConfig = z.infer<typeof configSchema>;
export type KeystoneConfig = z.infer<typeof keystoneSchema>;
export type StorageConfig = z.infer<typeof storageSchema>;
export type GatewayConfig = z.infer<typeof gatewaySchema>;
export type DatabaseConfig = z.infer<typeof databaseSchema>;

export const defaultConfigFile = '/etc/godwit/agent.yaml';

/** Throws GW_AGENT_CONFIG naming the file and each path in it that is wrong. JSON is read without the YAML reader, which saves memory. */
export async function loadConfig(file: string): Promise<AgentConfig> {
  let raw: unknown;
  try {
    const text = await readFile(file, 'utf8');
    raw = text.trimStart().startsWith('{') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (cause) {
    throw invalid(file, reason(cause), cause);
  }
  const parsed = configSchema.safeParse(raw ?? {});
  if (parsed.success) return parsed.data;
  throw invalid(file, parsed.error.issues.map((i) => `${i.path.map(String).join('.') || 'file'}: ${explain(i)}`).join('; '));
}

/** The words of zod's small edition are one for all. */
function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `there is no ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_type') return `not of the type ${issue.expected}, or missing`;
  if (issue.code === 'invalid_value') return `not one of ${issue.values.map(String).join(', ')}`;
  return issue.message;
}

/** A password from a file that others cannot read. */
export async function readPassword(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o007) !== 0) throw new Error(`everybody may read it (mode ${(mode & 0o777).toString(8)})`);
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw invalid(file, reason(cause), cause);
  }
}

const invalid = (file: string, what: string, cause?: unknown): AgentError => new AgentError('GW_AGENT_CONFIG', 'terminal', `${file}: ${what}`, { action: 'Correct it; docs/operators/agent.md lists every key.', cause });
