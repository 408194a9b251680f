import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KeySet } from '../protocol/keystone.ts';
import { MemoryFiles } from '../testing/memory-files.ts';
import { keySha256 } from './key.ts';
import { type OrderedKeys, KeyRepository } from './repository.ts';

const path = '/etc/keystone/fernet-keys';
const owner = { uid: 42, gid: 42 };
const key = (name: string): string => `${createHash('sha256').update(name).digest('base64url')}=`;
const keys = (named: Record<string, string>): KeySet => Object.fromEntries(Object.entries(named).map(([i, n]) => [i, key(n)]));
const hash = (name: string): string => keySha256(key(name));

let files: MemoryFiles;
let slept: number;
beforeEach(() => ((files = new MemoryFiles()), (slept = 0), files.entries.set(path, { kind: 'directory', mode: 0o700, ...owner, text: '' })));

const open = (on = files, sleep = (): Promise<void> => ((slept += 1), Promise.resolve())): KeyRepository => new KeyRepository({ kind: 'fernet', path, owner, files: on, sleep });
const put = (name: string, text: string, extra = {}): unknown => files.entries.set(`${path}/${name}`, { kind: 'file', mode: 0o600, ...owner, text, ...extra });
const seed = (set: Record<string, string>): void => Object.entries(set).forEach(([i, n]) => put(i, key(n)));
const codes = async (): Promise<string[]> => (await open().inspect()).problems.map((p) => p.code);

/** As Keystone reads it (keystone/common/fernet_utils.py): lists, asks whether each is a regular file, opens it whatever its name, takes what int() takes. */
function keystoneReads(listed: MemoryFiles, read: MemoryFiles): Set<string> {
  const found = new Set<string>();
  for (const [p, entry] of listed.entries) {
    if (!p.startsWith(`${path}/`) || p.slice(path.length + 1).includes('/')) continue;
    // Between isfile() and open() the file may change, too; so it is asked of the earlier state, which is the worse.
    if (entry.kind !== 'file') continue;
    const now = read.entries.get(p);
    if (!now) throw new Error(`Keystone fails: ${p} is gone between isfile() and open()`);
    if (now.kind === 'file' && (now.uid !== owner.uid || now.mode !== 0o600)) throw new Error(`Keystone may not read ${p}`);
    if (now.kind === 'file' && /^\d+$/.test(p.slice(path.length + 1)) && now.text !== '') found.add(now.text);
  }
  return found;
}

const atTop = (f: MemoryFiles): unknown[] => [...f.entries].filter(([p]) => /\/\d+$/.test(p) && !p.includes('/.godwit/')).sort();

const rotation: readonly [string, Record<string, string>, OrderedKeys, string[]][] = [
  ['the first order', {}, { generation: 1, keys: keys({ 0: 'staged', 1: 'p1' }) }, []],
  ['stage anew', { 0: 'old', 1: 'p1' }, { generation: 1, keys: keys({ 0: 's', 1: 'p1' }), drop: [hash('old')] }, ['p1']],
  ['promote', { 0: 's', 1: 'p1', 2: 'p2' }, { generation: 1, keys: keys({ 0: 's2', 1: 'p1', 2: 'p2', 3: 's' }) }, ['s', 'p1', 'p2']],
  ['prune', { 0: 's', 1: 'p1', 2: 'p2', 3: 'p3' }, { generation: 1, keys: keys({ 0: 's', 3: 'p3' }), drop: [hash('p1'), hash('p2')] }, ['s', 'p3']],
  ['promote and prune at once', { 0: 's', 1: 'p1', 2: 'p2' }, { generation: 1, keys: keys({ 0: 's2', 2: 'p2', 3: 's' }), drop: [hash('p1')] }, ['s', 'p2']],
  ['drop one of two names of a key', { 1: 'a', 2: 'e', 4: 'e' }, { generation: 1, keys: keys({ 0: 'e' }), drop: [hash('a')] }, ['e']],
  ['renumber', { 0: 's', 1: 'p1', 7: 'p7' }, { generation: 1, keys: keys({ 0: 's', 8: 'p1', 9: 'p7' }) }, ['s', 'p1', 'p7']],
];

describe('an order of keys', () => {
  it.each(rotation)('%s: the repository becomes exactly the set, told by its hashes', async (_what, before, order) => {
    seed(before);
    const report = await open().apply(order);
    expect(report).toEqual({ kind: 'fernet', path, generation: 1, keys: Object.entries(order.keys).map(([index, k]) => ({ index, sha256: keySha256(k) })), problems: [] });
    expect([...files.entries.keys()].filter((p) => p.startsWith(`${path}/`)).sort()).toEqual([`${path}/.godwit`, `${path}/.godwit/applied.json`, ...Object.keys(order.keys).map((i) => `${path}/${i}`)].sort());
    // What is written down beside the keys holds none.
    expect([...files.entries].filter(([p, e]) => p.endsWith('.json') && Object.values(order.keys).some((k) => e.text.includes(k)))).toEqual([]);
  });

  it.each(rotation)('%s: at no moment does a Keystone miss a needed key or fail, even when it lists before a step and reads after it', async (_what, before, order, needed) => {
    seed(before);
    let epoch = [files.clone()];
    const check = (): void => {
      const now = files.clone();
      epoch.push(now);
      for (const earlier of epoch) for (const name of needed) expect(keystoneReads(earlier, now).has(key(name)), `${name} is missing`).toBe(true);
    };
    files.after = check;
    // After a pause nobody reads by a listing from before it.
    await open(files, () => ((epoch = [files.clone()]), Promise.resolve())).apply(order);
  });

  it.each(rotation)('%s: killed before any change to the disk, no key is missing, and the next start ends it', async (_what, before, order, needed) => {
    seed(before);
    const start = files.clone();
    for (let at = 0; ; at++) {
      files = start.clone();
      let count = 0;
      files.before = () => {
        if (count++ >= at) throw new Error('the power fails');
      };
      const crashed = await open().apply(order).then(() => false, () => true);
      const found = keystoneReads(files, files);
      for (const name of needed) expect(found.has(key(name)), `${name} after ${at} changes`).toBe(true);
      files.before = () => undefined;
      if (!crashed) break;
      const again = open();
      const begun = files.entries.has(`${path}/.godwit/order.json`);
      const moved = JSON.stringify(atTop(files)) !== JSON.stringify(atTop(start));
      // Whoever has moved a key knows how to go on, without the controller.
      expect(begun || files.entries.has(`${path}/.godwit/applied.json`) || !moved).toBe(true);
      await again.resume();
      if (begun) expect(await again.inspect()).toMatchObject({ generation: 1, problems: [] });
      // The controller orders again what it has no answer to.
      expect(await again.apply(order)).toMatchObject({ generation: 1, problems: [], keys: { length: Object.keys(order.keys).length } });
      expect([...files.entries.keys()].filter((p) => /next-|order\.json$/.test(p))).toEqual([]);
    }
  });

  it('killed again while it ends what a kill interrupted, it loses nothing', async () => {
    seed({ 0: 's', 1: 'p1', 2: 'p2' });
    const order = { generation: 1, keys: keys({ 0: 's2', 2: 'p2', 3: 's' }), drop: [hash('p1')] };
    const start = files.clone();
    const dieAfter = (n: number): void => {
      let count = 0;
      files.before = () => {
        if (count++ >= n) throw new Error('the power fails');
      };
    };
    for (let first = 6; first < 16; first++) {
      for (let second = 0; second < 14; second++) {
        files = start.clone();
        dieAfter(first);
        await open().apply(order).catch(() => undefined);
        dieAfter(second);
        await open().resume().catch(() => undefined);
        files.before = () => undefined;
        for (const name of ['s', 'p2']) expect(keystoneReads(files, files).has(key(name))).toBe(true);
        await open().resume();
        expect(await open().apply(order)).toMatchObject({ generation: 1, problems: [] });
      }
    }
  });

  it('with any set before and any order that is taken, no needed key is missing at any moment', async () => {
    const set = fc.dictionary(fc.constantFrom('0', '1', '2', '3', '4'), fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minKeys: 1 });
    await fc.assert(
      fc.asyncProperty(set, set, fc.subarray(['a', 'b', 'c', 'd', 'e', 'f']), async (before, target, dropped) => {
        files = new MemoryFiles();
        files.entries.set(path, { kind: 'directory', mode: 0o700, ...owner, text: '' });
        seed(before);
        const needed = [...new Set(Object.values(before))].filter((n) => Object.values(target).includes(n) || !dropped.includes(n));
        let epoch = [files.clone()];
        files.after = () => {
          const now = files.clone();
          epoch.push(now);
          for (const earlier of epoch) for (const n of needed) if (!keystoneReads(earlier, now).has(key(n))) throw new Error(`${n} is missing`);
        };
        const before1 = files.clone();
        const done = await open(files, () => ((epoch = [files.clone()]), Promise.resolve()))
          .apply({ generation: 1, keys: keys(target), drop: dropped.map(hash) })
          .catch((e: { code: string }) => e.code);
        if (typeof done === 'string') {
          expect(['GW_AGENT_KEY_NEEDED', 'GW_AGENT_KEYS_INVALID'], JSON.stringify({ before, target, dropped })).toContain(done);
          expect(files.entries).toEqual(before1.entries);
        } else expect(done.keys.map((k) => k.sha256)).toEqual(Object.entries(target).map(([, n]) => hash(n)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('an order is refused', () => {
  it('that lacks a key without saying that it may go; the message has a hash and no key', async () => {
    seed({ 0: 's', 1: 'p1', 2: 'foreign' });
    const error = await open().apply({ generation: 1, keys: keys({ 0: 's', 1: 'p1' }) }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'GW_AGENT_KEY_NEEDED', kind: 'terminal', message: expect.stringContaining(`2 (${hash('foreign').slice(0, 12)}`) as string });
    expect(JSON.stringify(error) + String(error)).not.toContain(key('foreign'));
    expect(await open().apply({ generation: 1, keys: keys({ 0: 's', 1: 'p1' }), drop: [hash('foreign')] })).toMatchObject({ problems: [] });
  });

  it('of an older generation, and another of the same one; the same again is done', async () => {
    const order = { generation: 5, keys: keys({ 0: 's', 1: 'p1' }) };
    await open().apply(order);
    expect(await open().apply(order)).toMatchObject({ generation: 5 });
    await expect(open().apply({ ...order, generation: 4 })).rejects.toMatchObject({ code: 'GW_AGENT_GENERATION_OLD' });
    await expect(open().apply({ generation: 5, keys: keys({ 0: 'x', 1: 'p1' }), drop: [hash('s')] })).rejects.toMatchObject({ code: 'GW_AGENT_GENERATION_CONFLICT' });
    expect(await open().inspect()).toMatchObject({ generation: 5, problems: [] });
  });

  it('that exchanges two keys: one would be missing for a moment', async () => {
    seed({ 0: 'a', 1: 'b' });
    await expect(open().apply({ generation: 1, keys: keys({ 0: 'b', 1: 'a' }) })).rejects.toMatchObject({ code: 'GW_AGENT_KEYS_INVALID' });
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('by a disk that is full after %i changes: the old set is whole', async (at) => {
    seed({ 0: 's', 1: 'p1' });
    let count = 0;
    files.before = ({ op }) => {
      // What needs no space goes on.
      if (count++ >= at && ['create', 'write', 'makeDir', 'symlink'].includes(op)) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    };
    const done = await open().apply({ generation: 1, keys: keys({ 0: 's2', 1: 'p1', 2: 's' }) }).catch((e: unknown) => e);
    expect(done).toMatchObject({ code: 'GW_AGENT_DISK_FULL', kind: 'waiting' });
    for (const name of ['s', 'p1']) expect(keystoneReads(files, files).has(key(name))).toBe(true);
    files.before = () => undefined;
    await open().resume();
    expect(await open().apply({ generation: 2, keys: keys({ 0: 's2', 1: 'p1', 2: 's' }) })).toMatchObject({ generation: 2, problems: [] });
  });
});

describe('what is wrong with a repository is told', () => {
  beforeEach(() => open().apply({ generation: 1, keys: keys({ 0: 's', 1: 'p1' }) }));

  it.each([
    ['edited by hand', () => put('1', key('other')), 'GW_AGENT_REPO_EDITED'],
    ['no key', () => put('1', 'garbage'), 'GW_AGENT_REPO_EDITED'],
    ['emptied', () => put('1', ''), 'GW_AGENT_REPO_EDITED'],
    ['deleted', () => files.entries.delete(`${path}/0`), 'GW_AGENT_REPO_MISSING'],
    ['a key that was never ordered', () => put('7', key('foreign')), 'GW_AGENT_REPO_FOREIGN'],
    ['a name that only Python takes for a number', () => put('+7', key('foreign')), 'GW_AGENT_REPO_FOREIGN'],
    ['another file', () => put('0.tmp', 'x'), 'GW_AGENT_REPO_STRAY'],
    ['a mode', () => put('1', key('p1'), { mode: 0o644 }), 'GW_AGENT_REPO_OWNER'],
    ['an owner', () => put('1', key('p1'), { uid: 0 }), 'GW_AGENT_REPO_OWNER'],
  ])('%s', async (_what, damage, code) => {
    expect(await codes()).toEqual([]);
    damage();
    expect(await codes()).toContain(code);
  });

  it('and the same order once more mends what it may: modes, owners, missing keys and what is no key', async () => {
    put('1', 'garbage', { mode: 0o644, uid: 0 });
    files.entries.delete(`${path}/0`);
    expect(await open().apply({ generation: 1, keys: keys({ 0: 's', 1: 'p1' }) })).toMatchObject({ generation: 1, problems: [] });
    put('1', key('p1'), { mode: 0o644, uid: 0 });
    expect(await open().apply({ generation: 1, keys: keys({ 0: 's', 1: 'p1' }) })).toMatchObject({ problems: [] });
  });

  it('a key with a line’s end, as editors leave it, is the same key', async () => {
    put('1', `${key('p1')}\n`);
    expect(await codes()).toEqual([]);
    slept = 0;
    await open().apply({ generation: 2, keys: keys({ 0: 's', 1: 'p1' }) });
    expect([slept, files.entries.get(`${path}/1`)?.text]).toEqual([0, `${key('p1')}\n`]);
  });

  it('a directory that is not there', async () => {
    files = new MemoryFiles();
    expect(await codes()).toEqual(['GW_AGENT_REPO_UNREADABLE']);
    await expect(open().apply({ generation: 1, keys: { 0: `${randomBytes(32).toString('base64url')}=` } })).rejects.toMatchObject({ code: expect.stringMatching(/^GW_AGENT_REPO/) as string });
  });
});
