import { describe, expect, it } from 'vitest';
import type { KeyEntry, KeyRecord } from '../store/types.ts';
import { keysThatStoppedSigning, neededUntil, primaryOf, promoted, pruned, secondariesOf, staged } from './generation.ts';

const e = (index: number, id: string): KeyEntry => ({ index, id, sha256: `hash-${id}` });
const ids = (entries: readonly KeyEntry[]): Record<number, string> => Object.fromEntries(entries.map((x) => [x.index, x.id]));
const set = { entries: [e(0, 's'), e(3, 'p'), e(1, 'a'), e(2, 'b')] };

describe('sets of keys', () => {
  it('the highest index is the primary, as Keystone reads it', () => {
    expect(primaryOf(set).id).toBe('p');
    expect(secondariesOf(set).map((x) => x.id)).toEqual(['a', 'b']);
    expect(primaryOf({ entries: [e(0, 's')] }).id).toBe('s');
  });

  it('staging replaces only the staged key', () => expect(ids(staged(set, { id: 'n', sha256: 'h' }))).toEqual({ 0: 'n', 1: 'a', 2: 'b', 3: 'p' }));

  it('promotion adds the staged key under the next number, and takes none away', () => expect(ids(promoted(set))).toEqual({ 0: 's', 1: 'a', 2: 'b', 3: 'p', 4: 's' }));

  it('pruning never takes the staged key or the primary', () => {
    expect(ids(pruned(set, () => false))).toEqual({ 0: 's', 3: 'p' });
    expect(ids(pruned(set, (x) => x.id === 'b'))).toEqual({ 0: 's', 2: 'b', 3: 'p' });
    // A promoted key lies at 0 too.
    expect(ids(pruned({ entries: promoted(set) }, () => false))).toEqual({ 0: 's', 4: 's' });
  });

  it('a key has stopped signing when it signed and is not the primary of a set that all have', () => {
    const keys: KeyRecord[] = [
      { id: 'p', kind: 'fernet', sha256: '', signsFrom: '2026-01-01T00:00:00.000Z' },
      { id: 's', kind: 'fernet', sha256: '', signsFrom: '2026-01-02T00:00:00.000Z' },
      { id: 'a', kind: 'fernet', sha256: '', signsFrom: '2026-01-01T00:00:00.000Z', retiredAt: '2026-01-01T00:00:00.000Z' },
      { id: 'never', kind: 'fernet', sha256: '' },
    ];
    expect(keysThatStoppedSigning({ entries: promoted(set) }, keys)).toEqual(['p']);
  });

  it('a retired key is needed as long as its last token can be asked for', () => {
    expect(neededUntil({ retiredAt: '2026-01-01T00:00:00.000Z' }, 60)).toBe(Date.UTC(2026, 0, 1, 0, 1));
    expect(neededUntil({ signsFrom: '2026-01-01T00:00:00.000Z' }, 60)).toBe(Infinity);
    expect(neededUntil(undefined, 60)).toBe(Infinity);
  });
});
