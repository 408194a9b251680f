import { expect, test } from 'vitest';
import { owned } from './ownership.ts';
import { canonicalOf, membersOf, unitOf, vnisOf } from './unit.ts';

const id = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const units = [unitOf(0), unitOf(1)];

test('rows are told apart by names, and by ids of what has one', () => {
  const rows = [
    { kind: 'backup', id: id(3), volume: id(2) }, { kind: 'volume', id: id(2), name: 'u01-db-root' }, { kind: 'queue', name: `godwit.thaw.${id(4)}` }, { kind: 'server', id: id(4), name: 'u00-db' },
    { kind: 'image', id: id(5), name: 'godwit-guest' }, { kind: 'point', id: id(6), doc: { jobId: id(7) } },
  ];
  const { of, rest } = owned(rows, units, new Map([[id(7), unitOf(0)]].map(([k]) => [k as string, units[0]] as never)));
  expect(of.get(units[0] as never)).toHaveLength(3);
  expect(of.get(units[1] as never)).toHaveLength(2);
  expect(rest).toEqual([{ kind: 'image', id: id(5), name: 'godwit-guest' }]);
});

test('equal things of two units are equal in words', () => {
  const words = units.map((u) => canonicalOf(u, { kind: 'port', id: id(u.n), name: `${u.name}-db-port`, mac: membersOf(u)[0]?.mac, ips: [membersOf(u)[0]?.ip] }));
  expect(words[0]).toBe(words[1]);
  expect(words[0]).toContain('unit-db-port');
});

test('a network has the VNI that somebody chose: which of the unit’s it is counts, not which number', () => {
  const network = (n: number, segment: number) => ({ kind: 'network', id: id(n), name: 'u00-net', segment });
  const words = (rows: readonly ReturnType<typeof network>[]): string[] => rows.map((row) => canonicalOf(unitOf(0), row, vnisOf(rows)));
  expect(words([network(1, 70_000), network(2, 70_000)])).toEqual(words([network(1, 70_007), network(2, 70_007)]));
  expect(words([network(1, 70_000), network(2, 70_000)])).not.toEqual(words([network(1, 70_000), network(2, 70_001)]));
});
