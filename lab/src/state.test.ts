import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import { stateKey } from './state.ts';

const dir = mkdtempSync(join(tmpdir(), 'state-'));
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  for (const folder of ['components', 'guest', 'cli']) mkdirSync(join(dir, 'src', folder), { recursive: true });
  writeFileSync(join(dir, 'src/components/nova.ts'), 'one');
});

describe('stateKey', () => {
  const key = (tree = 't', topology = 'y'): string => stateKey(tree, topology, dir);

  it('changes with the tree, the topology and the source that initializes', () => {
    const before = key();
    expect(key('t2')).not.toBe(before);
    expect(key('t', 'y2')).not.toBe(before);
    writeFileSync(join(dir, 'src/components/nova.ts'), 'two');
    expect(key()).not.toBe(before);
    writeFileSync(join(dir, 'src/guest/build.ts'), 'guest');
    expect(key()).not.toBe(before);
  });

  it('does not change with tests or the command line', () => {
    const before = key();
    writeFileSync(join(dir, 'src/components/nova.test.ts'), 'test');
    writeFileSync(join(dir, 'src/cli/run.ts'), 'cli');
    expect(key()).toBe(before);
  });
});
