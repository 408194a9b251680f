import { describe, expect, test } from 'vitest';
import { canonical, differences } from './canonical.ts';

const id = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;

describe('what two runs must have in common', () => {
  test('ids and times do not count, everything else does', () => {
    const row = (n: number, more: object = {}) => canonical({ kind: 'backup', id: id(n), name: `godwit-${id(n)}-${id(n + 1)}`, created_at: String(n), status: 'available', chain: [id(n), id(3)], ...more });
    expect(row(1)).toBe(row(2));
    expect(row(1)).not.toBe(row(1, { status: 'error' }));
    expect(row(1)).not.toBe(row(1, { chain: [id(1)] }));
  });

  test('one too many and one too few are both told', () => {
    expect(differences(['a', 'b', 'b'], ['b', 'c', 'c'])).toEqual(['+2× c', '- a', '- b']);
    expect(differences(['a', 'a'], ['a', 'a'])).toEqual([]);
  });
});
