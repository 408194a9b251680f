import { expect, test } from 'vitest';
import { turnedOut } from './outcome.ts';
import type { SyncChange } from './schemas.ts';

const change = (key: string, outcome: SyncChange['outcome'], more: Partial<SyncChange> = {}): SyncChange => ({ site: 'site2', kind: 'security-groups', key, action: 'create', fields: [], outcome, ...more });

test('what the first life of a step has made is told, though the second has not found it any more', () => {
  const planned = [change('a', 'planned'), change('b', 'planned'), change('c', 'planned')];
  // Of b, the first life had made the group without its rules.
  const tried = [change('b', 'done', { action: 'update' }), change('new', 'done')];
  expect(turnedOut(planned, tried, [change('c', 'planned')])).toEqual([change('a', 'done'), change('b', 'done'), change('c', 'planned'), change('new', 'done')]);
});

test('what failed is told with why', () => {
  expect(turnedOut([change('a', 'planned')], [change('a', 'failed', { message: 'full' })], [change('a', 'planned')])).toEqual([change('a', 'failed', { message: 'full' })]);
});

test('of a site that cannot be asked any more, nothing is called done', () => {
  expect(turnedOut([change('a', 'planned')], [], [], ['site2'])).toEqual([change('a', 'planned')]);
});
