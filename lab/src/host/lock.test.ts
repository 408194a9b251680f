import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { takeLock } from './lock.ts';

const dir = mkdtempSync(join(tmpdir(), 'lock-'));
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('takeLock', () => {
  it('refuses a second holder and names the first', () => {
    const file = join(dir, 'sub', 'lock');
    const release = takeLock(file, 'test');
    expect(() => takeLock(file, 'test')).toThrow(String(process.pid));
    release();
    expect(existsSync(file)).toBe(false);
    takeLock(file, 'test')();
  });

  it('takes over what a dead process left, even a torn file', () => {
    for (const content of [`${String(process.pid)} 1\n`, '', '999999999 5\n']) {
      const file = join(dir, 'stale');
      writeFileSync(file, content);
      takeLock(file, 'test')();
      expect(existsSync(file)).toBe(false);
    }
  });
});
