import { describe, expect, it } from 'vitest';
import { diff, digestOf, fieldChanges, type DiffOptions } from './diff.ts';
import { keypairs } from './keypairs.ts';
import type { Item } from './types.ts';
import { glob } from './types.ts';

const item = (name: string, v: number | string, more: Partial<Item> = {}): Item => ({ kind: 'address-groups', key: `address-groups p/p ${name}`, owner: { name: 'p', domain: 'p' }, name, id: `${name}-id`, spec: { v }, ...more });
const key = (name: string): string => item(name, 0).key;
const driver = { kind: 'address-groups' as const, immutable: () => undefined };
const run = (items: Record<string, Item[]>, more: Partial<DiffOptions> = {}) => diff({ driver, source: 'a', items: new Map(Object.entries(items)), baseline: new Map(), delete: false, ...more });
const short = (d: ReturnType<typeof diff>) => [d.actions.map((a) => `${a.action} ${a.key.split(' ')[2] ?? ''} at ${a.site}`), d.conflicts.map((c) => c.code)];

describe('one site is right', () => {
  it('what is missing is made, what differs is changed, what is alike is left', () => {
    expect(short(run({ a: [item('x', 1), item('y', 1), item('z', 1)], b: [item('y', 2), item('z', 1)] }))).toEqual([['create x at b', 'update y at b'], []]);
  });

  it('what is only elsewhere is left alone, unless it had come from there and is to be deleted', () => {
    const b = [item('x', 1)];
    const came = new Map([[key('x'), digestOf({ v: 1 })]]);
    expect(short(run({ a: [], b }))).toEqual([[], ['GW_SYNC_EXTRA']]);
    expect(short(run({ a: [], b }, { delete: true }))).toEqual([[], ['GW_SYNC_EXTRA']]);
    expect(short(run({ a: [], b }, { baseline: came }))).toEqual([[], ['GW_SYNC_CONFLICT']]);
    expect(short(run({ a: [], b }, { baseline: came, delete: true }))).toEqual([['delete x at b'], []]);
  });

  it('what cannot be changed in place is a conflict: an existing other key is never overwritten', () => {
    const k = (v: string): Item => ({ ...item('k', v), kind: 'keypairs', key: 'keypairs d/u k' });
    expect(short(diff({ driver: keypairs, source: 'a', items: new Map([['a', [k('1')]], ['b', [k('2')]]]), baseline: new Map(), delete: true }))).toEqual([[], ['GW_SYNC_CONFLICT']]);
  });

  it('two of one name are a conflict', () => {
    expect(short(run({ a: [item('x', 1, { unfit: 'two of them' })], b: [] }))).toEqual([[], ['GW_SYNC_UNFIT']]);
  });
});

describe('by agreement', () => {
  const agreed = new Map([[key('x'), digestOf({ v: 1 })]]);
  const by = (items: Record<string, Item[]>, more: Partial<DiffOptions> = {}) => short(run(items, { source: 'agreement', baseline: agreed, ...more }));

  it('whoever changed it is right', () => {
    expect(by({ a: [item('x', 1)], b: [item('x', 2)], c: [item('x', 1)] })).toEqual([['update x at a', 'update x at c'], []]);
  });
  it('both changed it: refused', () => {
    expect(by({ a: [item('x', 3)], b: [item('x', 2)] })).toEqual([[], ['GW_SYNC_CONFLICT']]);
  });
  it('both changed it alike: agreed', () => {
    expect(by({ a: [item('x', 2)], b: [item('x', 2)] })).toEqual([[], []]);
  });
  it('one changed it, another deleted it: refused', () => {
    expect(by({ a: [item('x', 2)], b: [] }, { delete: true })).toEqual([[], ['GW_SYNC_CONFLICT']]);
  });
  it('one deleted it: follows only if asked for', () => {
    expect(by({ a: [item('x', 1)], b: [] })).toEqual([[], ['GW_SYNC_CONFLICT']]);
    expect(by({ a: [item('x', 1)], b: [] }, { delete: true })).toEqual([['delete x at a'], []]);
  });
  it('never agreed: a new one is brought, two different ones are refused', () => {
    const none = { baseline: new Map<string, string>() };
    expect(by({ a: [item('x', 1)], b: [] }, none)).toEqual([['create x at b'], []]);
    expect(by({ a: [item('x', 1)], b: [item('x', 2)] }, none)).toEqual([[], ['GW_SYNC_CONFLICT']]);
  });
});

it('changes are told by field, of lists only what comes and goes', () => {
  const [a, b] = [item('x', 1), item('x', 1)].map((i, n) => ({ ...i, spec: { tags: n === 0 ? ['p', 'q'] : ['q', 'r'], same: 1 } }));
  expect(fieldChanges({ site: 's', kind: 'address-groups', key: 'k', action: 'update', ...(a && { present: a }), ...(b && { wanted: b }) })).toEqual([{ field: 'tags', from: '"p"', to: '"r"' }]);
});

it('names by pattern', () => {
  expect([glob('web-*', 'web-1'), glob('web-*', 'xweb-1'), glob('a.b', 'aXb'), glob('*', '')]).toEqual([true, false, false, true]);
});
