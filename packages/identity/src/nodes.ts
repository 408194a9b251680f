/** Which key repository: of tokens, or of the secrets in Keystone's credential table. In both, 0 is the staged key and the highest index the primary. */
export type KeyKind = 'fernet' | 'credential';
export const keyKinds: readonly KeyKind[] = ['fernet', 'credential'];

/** Index to the file's text (base64url of 32 bytes). A secret: it is in no log, event, job or error. */
export type KeySet = Readonly<Record<string, string>>;

export interface KeyOrder {
  readonly kind: KeyKind;
  /** Grows with every change of the set; a node refuses one that is older than what it has, and another set under the same number. */
  readonly generation: number;
  readonly keys: KeySet;
  /** Hashes of keys that may go. One on the node's disk that is neither in `keys` nor here is not ours to drop: the order is refused. */
  readonly drop: readonly string[];
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Something wrong that the node's agent sees by itself: a foreign file, a wrong owner or mode, a file that cannot be read, a full disk. */
export interface NodeProblem {
  readonly code: string;
  readonly message: string;
}

/** What lies in a key repository, read back from the disk. */
export interface RepositoryReport {
  readonly kind: KeyKind;
  readonly path: string;
  /** Of the order that was applied last; 0: none yet. */
  readonly generation: number;
  /** sha256 of each key's 44 characters, in hexadecimal; by index, ascending. */
  readonly keys: readonly { readonly index: string; readonly sha256: string }[];
  readonly problems: readonly NodeProblem[];
}

export interface DatabaseReport {
  /** member: of the master cluster. replica: follows one. none: neither, so nothing can be said of it. */
  readonly role: 'member' | 'replica' | 'none';
  readonly readOnly?: boolean | undefined;
  /** MariaDB's gtid_domain_id of this server's own writes. */
  readonly domain?: number | undefined;
  /** MariaDB's gtid_current_pos, `10-1-42,20-3-7`. */
  readonly gtidCurrent?: string | undefined;
  /** gtid_slave_pos of a replica: how far it has followed. */
  readonly gtidSlave?: string | undefined;
  readonly gtidBinlog?: string | undefined;
  readonly source?: HostPort | undefined;
  readonly ioRunning?: boolean | undefined;
  readonly sqlRunning?: boolean | undefined;
  /** Left out while it is not known: a replica that is not connected knows none. */
  readonly lagSeconds?: number | undefined;
  readonly lastError?: { readonly number: number; readonly message: string } | undefined;
  readonly cluster?: { readonly size: number; readonly status: string; readonly ready: boolean; readonly state: string } | undefined;
  /** Why the replica can no longer be brought in line by replication alone. */
  readonly diverged?: string | undefined;
  readonly problems: readonly NodeProblem[];
}

/** What the node's keystone.conf says, as far as it matters here; what is not set there is Keystone's default. */
export interface KeystoneSettings {
  readonly tokenExpirationSeconds: number;
  readonly allowExpiredWindowSeconds: number;
  readonly fernetMaxActiveKeys: number;
  readonly fernetRepository: string;
  readonly receiptRepository: string;
  readonly credentialRepository: string;
  /** [security_compliance] lockout_failure_attempts: 0 or left out, none. */
  readonly lockoutFailureAttempts?: number | undefined;
}

export interface NodeReport {
  /** When the controller got it, by the controller's clock, ISO 8601. */
  readonly at: string;
  /** The node's clock when it was made, ISO 8601: its skew is seen by comparing the two. */
  readonly clock: string;
  readonly agentVersion: string;
  readonly repositories: readonly RepositoryReport[];
  readonly database: DatabaseReport;
  /** Of the file system that holds the key repositories. */
  readonly diskFreeBytes: number;
  readonly keystone?: KeystoneSettings | undefined;
  /** What the agent answers to HAProxy at /ready. */
  readonly ready?: { readonly ok: boolean; readonly reasons: readonly NodeProblem[] } | undefined;
  /** Why the controller keeps the node out of service. */
  readonly held?: string | undefined;
}

export interface NodeState {
  readonly name: string;
  readonly site: string;
  readonly connected: boolean;
  /** ISO 8601; left out: never. */
  readonly lastSeen?: string | undefined;
  readonly report?: NodeReport | undefined;
}

export interface CredentialReport {
  readonly total: number;
  /** Encrypted with another key than the primary. */
  readonly stale: number;
}

/**
 * The Keystone nodes as this use case sees them: their agents carry out what is asked here. Every method may be called twice with
 * the same order. A node that is not connected: GW_AGENT_AWAY, waiting. Errors never hold a key.
 */
export interface KeystoneNodes {
  /** All that are enrolled, connected or not, with their last report. */
  list(): Promise<readonly NodeState[]>;
  /** Fresh from the node. */
  report(node: string, signal: AbortSignal): Promise<NodeReport>;
  /**
   * The repository becomes exactly this set, and at no moment lacks a key that is in both the old and the new one. Answers what is on the
   * disk afterwards, read back. Refused: a key that the set does not know (GW_AGENT_KEY_NEEDED), an older generation (GW_AGENT_GENERATION_OLD).
   */
  applyKeys(node: string, order: KeyOrder, signal: AbortSignal): Promise<RepositoryReport>;
  /** The keys themselves, to take over a repository that Keystone's own tools made. */
  readKeys(node: string, kind: KeyKind, signal: AbortSignal): Promise<KeySet>;
  /** Encrypts every credential with the primary key (keystone-manage credential_migrate), at a master; then counts. */
  migrateCredentials(node: string, signal: AbortSignal): Promise<CredentialReport>;
  /** Follows another source by GTID. */
  repoint(node: string, source: HostPort, signal: AbortSignal): Promise<DatabaseReport>;
  /** (Re)builds the replica from a dump of the source, then follows it by GTID. What was there before is kept until it follows. */
  seed(node: string, source: HostPort, options: { readonly force: boolean }, signal: AbortSignal): Promise<DatabaseReport>;
  /** Takes the node out of service, whatever its state (503 at /ready with this reason), or with null lets it in again. Remembered by the node. */
  hold(node: string, reason: string | null, signal: AbortSignal): Promise<void>;
}

/** Seals what is kept in the database under the master key; `Envelope` of @godwit/sites. `context` binds a sealed text to its place: it opens nowhere else. */
export interface Sealer {
  seal(plain: Uint8Array, context: string): Promise<string>;
  open(sealed: string, context: string): Promise<Uint8Array>;
}
