import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { openSecrets } from './secrets.ts';

const dir = mkdtempSync(join(tmpdir(), 'secrets-'));
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

it('keeps what it made, for root alone, and makes each name another', () => {
  const file = join(dir, 'a', 'secrets.json');
  const first = openSecrets(file);
  const one = first.get('site1/db/nova');
  expect(one).toMatch(/^[0-9a-f]{24}$/);
  expect(first.get('site2/db/nova')).not.toBe(one);
  expect(openSecrets(file).get('site1/db/nova')).toBe(one);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(first.uuid('site1/ceph')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(openSecrets(file).uuid('site1/ceph')).toBe(first.uuid('site1/ceph'));
});
