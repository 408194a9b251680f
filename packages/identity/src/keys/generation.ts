import type { Generation, KeyEntry, KeyRecord } from '../store/types.ts';

/** Pure: which keys follow on which. Index 0 is staged, the highest the primary, all others secondaries; so it is for tokens and for credentials. */

type Entries = Pick<Generation, 'entries'>;

export function primaryOf({ entries }: Entries): KeyEntry {
  const highest = entries.reduce<KeyEntry | undefined>((a, b) => (a === undefined || b.index > a.index ? b : a), undefined);
  if (highest === undefined) throw new Error('a set of keys without a key');
  return highest;
}

/** Neither staged nor primary; a staged key that has been promoted still lies at 0 too, and is the primary. */
export const secondariesOf = (set: Entries): readonly KeyEntry[] => {
  const primary = primaryOf(set);
  return set.entries.filter((e) => e.index !== 0 && e.index !== primary.index);
};

export interface NewKey {
  readonly id: string;
  readonly sha256: string;
}

/** A key that nobody has signed with yet takes the place of the staged one, which nobody has signed with either, or which is the primary besides. */
export const staged = (set: Entries, key: NewKey): KeyEntry[] => [{ index: 0, ...key }, ...set.entries.filter((e) => e.index !== 0)];

/**
 * The staged key becomes the primary, under the next number. It stays at 0 as well: a Keystone that listed the directory a moment before
 * the new file was there, and reads the files it saw a moment after, finds it under its old name. The next staging replaces that one.
 */
export function promoted(set: Entries): KeyEntry[] {
  const zero = set.entries.find((e) => e.index === 0);
  if (zero === undefined) throw new Error('no key is staged');
  return [...set.entries, { ...zero, index: primaryOf(set).index + 1 }];
}

/** Without the secondaries that nothing needs. */
export const pruned = (set: Entries, needed: (key: KeyEntry) => boolean): KeyEntry[] => {
  const gone = new Set(secondariesOf(set).filter((e) => !needed(e)).map((e) => e.index));
  return set.entries.filter((e) => !gone.has(e.index));
};

/** Ids of keys that no node signs with once all have this set: those that have signed and are not its primary. */
export function keysThatStoppedSigning(set: Entries, keys: readonly KeyRecord[]): string[] {
  const primary = primaryOf(set);
  return keys.filter((k) => k.id !== primary.id && k.signsFrom !== undefined && k.retiredAt === undefined).map((k) => k.id);
}

/** Until when a token may live that a retired key has signed, in ms since 1970; Infinity while it may still sign. */
export function neededUntil(key: Pick<KeyRecord, 'retiredAt' | 'signsFrom'> | undefined, lifeSeconds: number): number {
  if (key === undefined || key.retiredAt === undefined) return Infinity;
  return new Date(key.retiredAt).getTime() + lifeSeconds * 1000;
}
