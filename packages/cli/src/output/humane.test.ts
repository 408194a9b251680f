import { describe, expect, it } from 'vitest';
import { ago, between, bytes, duration } from './humane.ts';

describe('for people', () => {
  it.each([[0, '0 ms'], [999, '999 ms'], [1234.5, '1.23 s'], [41_500, '41.5 s'], [75_000, '1 min 15 s'], [3_599_600, '1 h 0 min'], [90_000_000, '1 d 1 h']])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([[0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [1536, '1.5 KiB'], [150 * 1024 ** 2, '150 MiB'], [5 * 1024 ** 4, '5.0 TiB']])('%d bytes are %s', (n, text) => {
    expect(bytes(n)).toBe(text);
  });

  const now = new Date('2026-01-01T01:00:00Z');
  it.each([['2026-01-01T00:59:57.5Z', '2 s ago'], ['2026-01-01T01:00:00Z', 'now'], ['2026-01-01T01:00:30Z', 'in 30.0 s'], ['2025-12-31T00:00:00Z', '1 d 1 h ago'], ['soon', 'soon']])('%s is %s', (at, text) => {
    expect(ago(at, now)).toBe(text);
  });

  it('what has not ended is counted up to now', () => {
    expect(between('2026-01-01T00:59:00Z', undefined, now)).toBe('1 min 0 s');
    expect(between(undefined, undefined, now)).toBe('');
  });
});
