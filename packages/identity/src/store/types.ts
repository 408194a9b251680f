import type { KeyKind } from '../nodes.ts';

/** What a set of keys is for, in the order of a rotation. */
export type Phase = 'adopted' | 'staged' | 'promoted' | 'pruned';

export interface KeyEntry {
  readonly index: number;
  /** Of the key's record. */
  readonly id: string;
  readonly sha256: string;
}

/** A set of keys that every node is to have, one after the other. Holds no key itself. */
export interface Generation {
  readonly kind: KeyKind;
  readonly generation: number;
  readonly phase: Phase;
  readonly entries: readonly KeyEntry[];
  /** The job that ordered it. */
  readonly jobId: string;
  readonly createdAt: string;
  /** When every node of the star had shown that it has it. */
  readonly provenAt?: string | undefined;
}

export interface KeyRecord {
  readonly id: string;
  readonly kind: KeyKind;
  readonly sha256: string;
  /** Left out once no token can need it: then it cannot be had back. */
  readonly sealed?: string | undefined;
  /** From when on some node may have signed with it. */
  readonly signsFrom?: string | undefined;
  /** From when on no node can have. */
  readonly retiredAt?: string | undefined;
}

/**
 * - joining: has the keys or is getting them, so rotations count it in; not announced yet.
 * - member: serves.
 * - leaving: withdrawn, still counted in.
 * - left: out of the star; it must not serve.
 */
export type MembershipState = 'joining' | 'member' | 'leaving' | 'left';

export interface Membership {
  readonly site: string;
  readonly state: MembershipState;
  readonly since: string;
  readonly jobId?: string | undefined;
}

export interface Condition {
  /** `star`, `site s3` or `node s3-k1`. */
  readonly scope: string;
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** Since when the status is so, ISO 8601. */
  readonly since: string;
}

/** Where a replica's changes come from, if not from where the configuration says. */
export interface Detour {
  readonly node: string;
  readonly source: string;
  readonly since: string;
}

export interface IdentityStore {
  /** The newest; undefined before the keys were taken over. */
  generation(kind: KeyKind): Promise<Generation | undefined>;
  /**
   * Adds the next generation, with the keys that are new in it; one that is known by its id already is written anew. Done again by the same job, answers what is there; undefined: another
   * job was quicker, this one must stop. What becomes primary begins to sign.
   */
  begin(next: Omit<Generation, 'createdAt' | 'provenAt'>, keys: readonly KeyRecord[], now: Date): Promise<Generation | undefined>;
  /** Every node has it: keys that are no longer primary stopped signing, at `signedUntil` at the latest. Left out: now. */
  prove(kind: KeyKind, generation: number, now: Date, signedUntil?: Date): Promise<void>;
  keys(kind: KeyKind): Promise<KeyRecord[]>;
  /** Forgets the keys themselves; their hashes stay, so that a copy of one that turns up is known for ours. */
  erase(ids: readonly string[]): Promise<void>;

  memberships(): Promise<Membership[]>;
  /** Left out: forgets it. */
  setMembership(site: string, state: MembershipState | undefined, jobId: string, now: Date): Promise<void>;

  conditions(): Promise<Condition[]>;
  /** Replaces all conditions of these scopes; `since` is kept where the status stays. */
  putConditions(scopes: readonly string[], conditions: readonly Omit<Condition, 'since'>[], now: Date): Promise<void>;

  detours(): Promise<Detour[]>;
  setDetour(node: string, source: string | undefined, now: Date): Promise<void>;
}
