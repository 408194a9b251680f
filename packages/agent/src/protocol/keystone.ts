import * as z from 'zod/mini';
import { defineCommand } from './command.ts';
import { address, hash, many, problem, short, text } from './values.ts';

export const keyKind = z.enum(['fernet', 'credential']);
export type KeyKind = z.infer<typeof keyKind>;

const index = z.string().check(z.regex(/^(0|[1-9]\d{0,8})$/));
/** 32 bytes in base64url with its `=`, as `Fernet.generate_key()` writes them. */
const keyText = z.string().check(z.regex(/^[A-Za-z0-9_-]{43}=$/));

/**
 * index -> key. 0 is the staged key and the highest the primary, in both kinds (Keystone reads both repositories by the same code,
 * highest first). Whatever holds one is secret: it is never logged.
 */
export const keySet = z.record(index, keyText).check(z.refine((keys) => Object.keys(keys).length > 0 && Object.keys(keys).length <= 1000, 'from 1 to 1000 keys'));
export type KeySet = Readonly<Record<string, string>>;

export const keyHash = z.object({ index, sha256: hash });
export type KeyHash = z.infer<typeof keyHash>;

/** What a key repository holds, read back from the disk. `sha256` is of the key's 44 characters, without a line's end. */
export const repositoryReport = z.object({
  kind: keyKind,
  path: text,
  /** Of the order that was applied last; 0: none yet. */
  generation: z.int(),
  /** By index, ascending. */
  keys: many(keyHash, 1000),
  /** Foreign files, a wrong owner or mode, edited by hand, unwritable … */
  problems: many(problem),
});
export type RepositoryReport = z.infer<typeof repositoryReport>;

export const databaseReport = z.object({
  /** member: of a Galera cluster, or a plain master; replica: follows one; none: not watched, or it does not answer (then with a problem). */
  role: z.enum(['member', 'replica', 'none']),
  readOnly: z.optional(z.boolean()),
  version: z.optional(short),
  /** MariaDB's gtid_domain_id and server_id of this server's own writes. */
  domain: z.optional(z.int()),
  serverId: z.optional(z.int()),
  gtidCurrent: z.optional(text),
  gtidSlave: z.optional(text),
  gtidBinlog: z.optional(text),
  source: z.optional(address),
  ioRunning: z.optional(z.boolean()),
  sqlRunning: z.optional(z.boolean()),
  /** Seconds behind the source; left out while MariaDB does not know it. */
  lagSeconds: z.optional(z.number()),
  lastError: z.optional(z.object({ number: z.int(), message: text })),
  cluster: z.optional(z.object({ size: z.int(), status: short, ready: z.boolean(), state: short, stateUuid: z.optional(short) })),
  /** Why the replica can no longer be brought in line by replication alone: it must be rebuilt, never skipped over. */
  diverged: z.optional(text),
  problems: many(problem),
});
export type DatabaseReport = z.infer<typeof databaseReport>;

/** What keystone.conf says, as far as rotation depends on it; what is not set there is Keystone's default. */
export const keystoneSettings = z.object({
  tokenExpirationSeconds: z.number(),
  allowExpiredWindowSeconds: z.number(),
  fernetMaxActiveKeys: z.number(),
  fernetRepository: text,
  receiptRepository: text,
  credentialRepository: text,
  lockoutFailureAttempts: z.optional(z.number()),
});
export type KeystoneSettings = z.infer<typeof keystoneSettings>;

export const keystoneReport = z.object({
  repositories: many(repositoryReport, 8),
  database: databaseReport,
  /** Left out when agent.yaml names no keystone.conf, or it cannot be read. */
  settings: z.optional(keystoneSettings),
  /** Of the file system of the fullest key repository. */
  diskFreeBytes: z.number(),
  /** As GET /ready answers. */
  ready: z.object({ ok: z.boolean(), reasons: many(problem) }),
  /** Set while the controller keeps the node out of service. */
  held: z.optional(text),
});
export type KeystoneReport = z.infer<typeof keystoneReport>;

const keyOrder = z.object({
  kind: keyKind,
  /** Grows with each order of a kind. A lower one than the node has seen is refused; the same one again must be the same set. */
  generation: z.int().check(z.positive()),
  keys: keySet,
  /** SHA-256 of keys that may go. A key on the disk that is in neither `keys` nor here is kept, and the order is refused (GW_AGENT_KEY_NEEDED). */
  drop: z._default(many(hash, 1000), []),
});
export type KeyOrder = z.input<typeof keyOrder>;

const none = z.object({});

export const keystone = {
  /** Fresh from the node. */
  report: defineCommand('keystone.report', none, keystoneReport, 15_000),
  /** The repository becomes exactly this set; answers what is on the disk afterwards. Idempotent. */
  applyKeys: defineCommand('keystone.apply-keys', keyOrder, repositoryReport, 30_000),
  /** Hands over the keys of a repository, once an operator has allowed it at the node (`keystone.handOver: true`): how the keys of an existing Keystone come to the controller. */
  readKeys: defineCommand('keystone.read-keys', z.object({ kind: keyKind }), z.object({ kind: keyKind, generation: z.int(), keys: keySet }), 15_000),
  /**
   * At a master: `keystone-manage credential_migrate`, then counts. A credential is stale that is encrypted with another key than the
   * repository's primary.
   */
  migrateCredentials: defineCommand('keystone.migrate-credentials', none, z.object({ total: z.int(), stale: z.int() }), 600_000),
  /** Points the replica at another source, by GTID. Idempotent. */
  repoint: defineCommand('keystone.repoint', z.object({ source: address }), databaseReport, 60_000),
  /** Builds the replica anew from a dump of the source, then follows it by GTID. */
  seed: defineCommand('keystone.seed', z.object({ source: address, /** Also when the replica is whole. */ force: z.optional(z.boolean()) }), databaseReport, 600_000),
  /** Takes the node out of service (`GET /ready` answers 503 with the reason), or puts it back with null. Kept over restarts. An order of keys does not lift it. */
  hold: defineCommand('keystone.hold', z.object({ reason: z.nullable(text) }), keystoneReport, 15_000),
};

