import { describe, expect, it } from 'vitest';
import { ahead, covers, parseGtid } from './gtid.ts';

const c = (a: string, b: string): boolean => covers(parseGtid(a), parseGtid(b));

describe('GTID positions', () => {
  it('are read by domain; what is not one is passed over', () => {
    expect([...parseGtid('10-1-42,20-3-7')]).toEqual([[10, { server: 1, sequence: 42 }], [20, { server: 3, sequence: 7 }]]);
    expect(parseGtid(undefined).size).toBe(0);
    expect(parseGtid('nonsense, 1-2').size).toBe(0);
    expect(parseGtid('10-1-5,10-2-9').get(10)).toEqual({ server: 2, sequence: 9 });
  });

  it('cover one another in the domains that both know', () => {
    expect(c('10-1-42', '10-2-42')).toBe(true);
    expect(c('10-1-41', '10-2-42')).toBe(false);
    expect(c('10-1-42,31-3-9', '10-2-42,12-2-5')).toBe(true);
    expect(c('31-3-9', '10-2-42')).toBe(false);
  });

  it('tell by how much one is ahead', () => {
    expect(ahead(parseGtid('10-1-50,31-3-9'), parseGtid('10-1-42'))).toBe(8);
    expect(ahead(parseGtid('10-1-40'), parseGtid('10-1-42'))).toBe(0);
  });
});
