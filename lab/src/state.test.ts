import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import { markState, removeOtherStates, stateFolders, stateKey } from './state.ts';

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

describe('states of several topologies', () => {
  it("a topology's newer state replaces its older one and its halves, and no other's", () => {
    const cache = mkdtempSync(join(tmpdir(), 'cache-'));
    try {
      const paths = { source: dir, cache, state: cache };
      const make = (key: string, topology: string | undefined, half = false): void => {
        const folders = stateFolders(paths, key);
        mkdirSync(folders.partial);
        if (topology !== undefined) markState(folders, topology);
        if (!half) renameSync(folders.partial, folders.folder);
      };
      make('000000000001', undefined);
      make('000000000002', 'identity-star');
      make('000000000003', 'two-site', true);
      make('000000000004', 'identity-star');
      make('000000000005', 'two-site');
      const standing = `1 2 0:3 / / rw - overlay overlay rw,lowerdir=${join(cache, 'state-000000000001')}/site1/upper:/tree`;
      removeOtherStates(paths, 'two-site', '000000000005', standing);
      expect(readdirSync(cache)).toContain('state-000000000001');
      removeOtherStates(paths, 'two-site', '000000000005');
      expect(readdirSync(cache).sort()).toEqual(['state-000000000002', 'state-000000000004', 'state-000000000005']);
      removeOtherStates(paths, 'identity-star', '000000000004');
      expect(readdirSync(cache).sort()).toEqual(['state-000000000004', 'state-000000000005']);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });
});
