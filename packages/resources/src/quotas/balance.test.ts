import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balance, type Share } from './balance.ts';

const share = fc.record({ use: fc.option(fc.nat(500), { nil: undefined }), lastLimit: fc.option(fc.nat(500), { nil: undefined }) });
const shares = fc.array(share, { minLength: 1, maxLength: 8 }).map((list): Share[] => list.map((s, n) => ({ site: `s${n}`, ...s })));
const counted = (s: Share): number => s.use ?? s.lastLimit ?? 0;

describe('one limit over all sites', () => {
  it('soft: global limit - use elsewhere', () => {
    const limits = balance(100, [{ site: 'a', use: 30, lastLimit: 100 }, { site: 'b', use: 20, lastLimit: 100 }], 'soft');
    expect([...limits]).toEqual([['a', 80], ['b', 70]]);
  });

  it('a site that cannot be asked is counted at its last limit, and gets none', () => {
    expect([...balance(100, [{ site: 'a', use: 10, lastLimit: 60 }, { site: 'dead', use: undefined, lastLimit: 55 }], 'soft')]).toEqual([['a', 45]]);
  });

  it('hard: all limits together never exceed the global one, unless more is in use already', () => {
    fc.assert(fc.property(fc.nat(1000), shares, (global, list) => {
      const limits = balance(global, list, 'hard');
      const sum = [...limits.values()].reduce((a, b) => a + b, 0) + list.filter((s) => s.use === undefined).reduce((n, s) => n + counted(s), 0);
      const used = list.reduce((n, s) => n + counted(s), 0);
      expect(sum).toBeLessThanOrEqual(Math.max(global, used));
      // Nothing that is free is kept from everybody.
      if (limits.size > 0 && used <= global) expect(sum).toBe(global);
    }));
  });

  it('no limit is below the use, in neither mode', () => {
    fc.assert(fc.property(fc.nat(1000), shares, fc.constantFrom('hard', 'soft'), (global, list, mode) => {
      const limits = balance(global, list, mode as 'hard' | 'soft');
      for (const s of list) expect(limits.has(s.site)).toBe(s.use !== undefined);
      for (const s of list) if (s.use !== undefined) expect(limits.get(s.site)).toBeGreaterThanOrEqual(s.use);
    }));
  });
});
