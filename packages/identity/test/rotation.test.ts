import { describe, expect, it } from 'vitest';
import { adoptWorkflow, restoreWorkflow } from '../src/adopt/workflow.ts';
import type { KeyKind } from '../src/nodes.ts';
import { stage } from '../src/rotate/phases.ts';
import { rotateWorkflow } from '../src/rotate/workflow.ts';
import { Watch } from '../src/watch/watch.ts';
import { killedEverywhere } from './star-world.ts';
import { fakeSealer, keyText, makeWorld, newJournal, run, starConfig, type World } from './world.ts';

const rotate = (w: World, kind: 'fernet' | 'credential' = 'fernet', more: Partial<Parameters<typeof run>[2]> = {}) =>
  w.store.generation(kind).then((g) => run(rotateWorkflow(w.deps), { kind, from: g?.generation ?? 0 }, { clock: w.clock, ...more }));
const files = (w: World, node: string, kind: 'fernet' | 'credential' = 'fernet'): string[] => [...w.nodes.node(node).repositories[kind].files.keys()].sort();
const watchOf = (w: World) => {
  const begun: unknown[] = [];
  const watch = new Watch(w.deps, { jobs: { list: () => Promise.resolve([]) }, rotate: (kind, from) => Promise.resolve(begun.push(['rotate', kind, from])), repoint: (node, seed) => Promise.resolve(begun.push(['repoint', node, seed])) });
  return { watch, begun, round: () => watch.round(new AbortController().signal) };
};
const day = 86_400_000;

describe('a rotation', () => {
  it('gives all nodes the same new primary, keeps what living tokens need, and drops the rest when its time has come', async () => {
    const w = makeWorld();
    await w.adopt();
    const before = w.nodes.node('m1-k1').primary();
    expect(await rotate(w)).toMatchObject({ kind: 'fernet', generation: 3, primary: 2, keys: 3, nodes: 6, dropped: 0 });
    const after = new Set([...w.nodes.nodes.values()].map((n) => n.primary()));
    expect([after.size, after.has(before)]).toEqual([1, false]);
    for (let i = 0; i < 3; i++) {
      await w.clock.sleep(day);
      await rotate(w, 'fernet', { jobId: `r${i}` });
    }
    // 49 h of life and daily rotations: the primary, the staged one, and three before it.
    expect(files(w, 's4-k2')).toEqual(['0', '3', '4', '5', '2'].sort());
    const keys = await w.store.keys('fernet');
    expect(keys.filter((k) => k.sealed === undefined)).toHaveLength(2);
  });

  it('is held at the safe stage by a node that is away, says which, and goes on when it is back', async () => {
    const w = makeWorld();
    await w.adopt();
    w.nodes.node('s3-k1').connected = false;
    const journal = newJournal();
    await expect(rotate(w, 'fernet', { journal, patience: 3 })).rejects.toMatchObject({ code: 'GW_ROTATION_HELD', kind: 'waiting', site: 's3', message: expect.stringMatching(/ProvingStaged: s3-k1: its agent is not connected/) as string, details: { behind: [expect.objectContaining({ node: 's3-k1', code: 'GW_NODE_AWAY' })] } });
    // Nobody signs with the new key: nobody has promoted it.
    expect(new Set([...w.nodes.nodes.values()].map((n) => Math.max(...[...n.repositories.fernet.files.keys()].map(Number))))).toEqual(new Set([1]));
    expect(journal.said.join('\n')).toContain('waits for s3-k1');
    w.clock.at(60_000, () => (w.nodes.node('s3-k1').connected = true));
    expect(await rotate(w, 'fernet', { jobId: 'second' })).toMatchObject({ nodes: 6 });
  });

  it('is held by a full disk, and says so', async () => {
    const w = makeWorld();
    await w.adopt();
    w.nodes.node('s4-k1').diskFull = true;
    await expect(rotate(w, 'fernet', { patience: 2 })).rejects.toMatchObject({ code: 'GW_ROTATION_HELD', message: expect.stringContaining('no space left') as string });
  });

  it('no longer waits for a site that has left', async () => {
    const w = makeWorld();
    await w.adopt();
    for (const n of ['s4-k1', 's4-k2']) w.nodes.node(n).on = false;
    w.clock.at(30_000, () => void w.store.setMembership('s4', 'left', 'leave', w.clock.now()));
    expect(await rotate(w)).toMatchObject({ nodes: 4 });
  });

  it('is refused, with nothing changed: before adoption, for a foreign key that may have signed, a wrong clock, no room, or one that was quicker', async () => {
    const w = makeWorld();
    await expect(rotate(w)).rejects.toMatchObject({ code: 'GW_KEYS_NOT_ADOPTED' });
    await w.adopt();
    w.nodes.node('s3-k1').repositories.fernet.files.set('9', keyText());
    await expect(rotate(w)).rejects.toMatchObject({ code: 'GW_KEY_FOREIGN', kind: 'terminal', message: expect.stringMatching(/s3-k1: .*key 9 was never one of the star’s; nothing was changed/) as string });
    w.nodes.node('s3-k1').repositories.fernet.files.delete('9');
    w.nodes.node('m2-k1').skewMs = -8_000;
    await expect(rotate(w)).rejects.toMatchObject({ code: 'GW_CLOCK_SKEW', message: expect.stringContaining('8.0 s behind') as string });
    w.nodes.node('m2-k1').skewMs = 0;
    expect((await w.store.generation('fernet'))?.generation).toBe(1);
    await expect(run(rotateWorkflow(w.deps), { kind: 'fernet' as const, from: 0 }, { clock: w.clock })).rejects.toMatchObject({ code: 'GW_ROTATION_PASSED' });
    for (let i = 0; i < 2; i++) await rotate(w, 'fernet', { jobId: `r${i}` });
    await expect(rotate(w, 'fernet', { jobId: 'r3' }).then(() => rotate(w, 'fernet', { jobId: 'r4' }))).rejects.toMatchObject({ code: 'GW_KEY_LIMIT', message: expect.stringMatching(/would leave 6 keys, and maxActiveKeys is 5/) as string });
  });

  it('of a site that leaves is not refused but waits: for room, for a clock', async () => {
    const w = makeWorld();
    await w.adopt();
    // With the defaults 49 h and 5 s of life and daily rotations: no room for 5 s more than an hour after each.
    for (let i = 0; i < 3; i++) {
      await rotate(w, 'fernet', { jobId: `r${i}` });
      await w.clock.sleep(day);
    }
    await rotate(w, 'fernet', { jobId: 'r3' });
    expect((await w.store.generation('fernet'))?.entries).toHaveLength(w.star.config.fernet.maxActiveKeys);
    const leaving = (jobId: string, more = {}) => run(rotateWorkflow(w.deps), { kind: 'fernet' as const, from: -1 }, { clock: w.clock, jobId, ...more });
    await expect(rotate(w, 'fernet', { jobId: 'by hand' })).rejects.toMatchObject({ code: 'GW_KEY_LIMIT', kind: 'terminal' });
    await expect(leaving('a', { patience: 3 })).rejects.toMatchObject({ code: 'GW_KEY_LIMIT', kind: 'waiting' });
    w.nodes.node('m2-k1').skewMs = -8_000;
    w.clock.at(2 * 3_600_000, () => (w.nodes.node('m2-k1').skewMs = 0));
    const begun = w.clock.now().getTime();
    expect(await leaving('b')).toMatchObject({ keys: 5 });
    expect(w.clock.now().getTime() - begun).toBeGreaterThanOrEqual(2 * 3_600_000);
  });

  it('keeps an old key by the latest of the clocks that may have signed with it', async () => {
    const w = makeWorld();
    await w.adopt();
    const retired = async (jobId: string, ...skewed: [string, number][]) => {
      const generation = await w.store.generation('fernet');
      const key = generation?.entries.reduce((a, b) => (b.index > a.index ? b : a)).id;
      await rotate(w, 'fernet', { jobId, boundary: (step, where) => {
        // It goes wrong when the rotation was let begin, and is right again before anything is dropped.
        if (step === 'prove-promoted' && where === 'before') for (const [node, ms] of skewed) w.nodes.node(node).skewMs = ms;
        if (step === 'prove-promoted' && where === 'after-record') for (const [node] of skewed) w.nodes.node(node).skewMs = 0;
      } });
      return new Date((await w.store.keys('fernet')).find((k) => k.id === key)?.retiredAt ?? '').getTime() - w.clock.now().getTime();
    };
    expect(await retired('a', ['m2-k1', 4_000])).toBe(4_000);
    await w.clock.sleep(day);
    // Behind: ours counts. Far from all the others: it is held out, and not asked.
    expect(await retired('b', ['m2-k1', -4_000], ['s3-k1', 365 * day])).toBe(0);
    await w.clock.sleep(day);
    // Ours is wrong, not theirs.
    expect(await retired('c', ...[...w.nodes.nodes.keys()].map((n): [string, number] => [n, 3_600_000]))).toBe(3_600_000);
    expect((await w.store.generation('fernet'))?.provenAt).toBe(w.clock.now().toISOString());
  });

  it('of a controller that was late forgets no key that another has begun with meanwhile', async () => {
    const w = makeWorld();
    await w.adopt();
    let late = false;
    /** Between its two looks at the books the next rotation stages its key. */
    const between = async <T>(look: Promise<T>): Promise<T> => {
      const seen = await look;
      if (late) {
        late = false;
        await stage(w.deps, 'fernet', 3, 'other');
      }
      return seen;
    };
    const store = Object.assign(Object.create(w.store) as typeof w.store, {
      generation: (kind: KeyKind) => between(w.store.generation(kind)), keys: (kind: KeyKind) => between(w.store.keys(kind)), erase: (ids: string[]) => w.store.erase(ids),
      begin: w.store.begin.bind(w.store), prove: w.store.prove.bind(w.store), memberships: () => w.store.memberships(),
    });
    await run(rotateWorkflow({ ...w.deps, store }), { kind: 'fernet' as const, from: 1 }, { clock: w.clock, boundary: (step, where) => void (late ||= step === 'finish' && where === 'before') });
    expect(late).toBe(false);
    const current = await w.store.generation('fernet');
    expect(current).toMatchObject({ generation: 4, jobId: 'other' });
    const keys = await w.store.keys('fernet');
    expect(current?.entries.map((e) => keys.find((k) => k.id === e.id)?.sealed !== undefined)).toEqual(current?.entries.map(() => true));
  });

  it('that was pruned before its controller died says truly how much was dropped', async () => {
    const w = makeWorld();
    await w.adopt();
    for (let i = 0; i < 2; i++) {
      await rotate(w, 'fernet', { jobId: `r${i}` });
      await w.clock.sleep(day / 2);
    }
    await w.clock.sleep(3 * day);
    const { result } = await killedEverywhere(rotateWorkflow(w.deps), { kind: 'fernet' as const, from: -1 }, w.clock);
    expect(result).toMatchObject({ dropped: 2, keys: 3 });
  });

  it('of credentials encrypts them anew and waits for the replicas before an old key goes; the previous one stays', async () => {
    const w = makeWorld();
    await w.adopt();
    w.nodes.stale = 2;
    await expect(rotate(w, 'credential')).rejects.toMatchObject({ code: 'GW_CREDENTIALS_STALE' });
    expect(files(w, 'm1-k1', 'credential')).toEqual(['0', '1', '2']);
    w.nodes.stale = 0;
    const lagging = w.nodes.node('s4-k1');
    lagging.database = { ...lagging.database, gtidSlave: '10-1-99' };
    await expect(rotate(w, 'credential', { jobId: 'b', patience: 3 })).rejects.toMatchObject({ code: 'GW_REPLICA_BEHIND', kind: 'waiting', message: expect.stringContaining('s4-k1') as string });
    expect(files(w, 's4-k1', 'credential')).toContain('1');
    lagging.database = { ...lagging.database, gtidSlave: '10-1-100' };
    expect(await rotate(w, 'credential', { jobId: 'c' })).toMatchObject({ primary: 4, keys: 3 });
    expect(files(w, 's4-k1', 'credential')).toEqual(['0', '3', '4']);
    expect(w.nodes.node('m1-k1').calls).toContain('migrate');
  });

  it('of a controller that is killed at every boundary makes one new key, not several', async () => {
    for (const kind of ['fernet', 'credential'] as const) {
      const w = makeWorld();
      await w.adopt();
      const { result, boundaries } = await killedEverywhere(rotateWorkflow(w.deps), { kind, from: 1 }, w.clock);
      expect(result).toMatchObject({ primary: 2 });
      expect(boundaries).toBeGreaterThan(20);
      expect((await w.store.keys(kind)).length).toBe(3);
      expect(new Set([...w.nodes.nodes.values()].map((n) => n.primary(kind))).size).toBe(1);
    }
  });
});

describe('the watch', () => {
  it('brings back what a hand has changed, leaves a foreign key that may have signed alone, and says which', async () => {
    const w = makeWorld();
    await w.adopt();
    const { round } = watchOf(w);
    await w.clock.sleep(1_000);
    const one = w.nodes.node('s3-k1').repositories.fernet.files;
    one.delete('1');
    w.nodes.node('s3-k2').repositories.fernet.files.set('0', keyText());
    w.nodes.node('s4-k1').repositories.fernet.files.set('7', keyText());
    await round();
    expect([files(w, 's3-k1'), files(w, 's4-k1')]).toEqual([['0', '1'], ['0', '1', '7']]);
    expect(w.nodes.node('s3-k2').repositories.fernet.files).toEqual(one);
    await round();
    const said = (await w.store.conditions()).filter((c) => c.status !== 'True' && c.type === 'TokenKeysInPlace');
    expect(said).toEqual([expect.objectContaining({ scope: 'node s4-k1', reason: 'ForeignKey' })]);
    await run(restoreWorkflow(w.deps), { node: 's4-k1' }, { clock: w.clock });
    expect(files(w, 's4-k1')).toEqual(['0', '1']);
    // One that has left gets none of the keys that are.
    await w.store.setMembership('s4', 'left', 'x', w.clock.now());
    const calls = w.nodes.node('s4-k1').calls.length;
    await expect(run(restoreWorkflow(w.deps), { node: 's4-k1' }, { clock: w.clock })).rejects.toMatchObject({ code: 'GW_STAR_NOT_MEMBER', kind: 'terminal' });
    expect(w.nodes.node('s4-k1').calls).toHaveLength(calls);
  });

  it('ends what a cancelled rotation left, and begins those that are due, when there is room', async () => {
    const w = makeWorld();
    await w.adopt();
    w.nodes.node('s3-k1').connected = false;
    await expect(rotate(w, 'fernet', { patience: 1 })).rejects.toMatchObject({ code: 'GW_ROTATION_HELD' });
    const { round, begun } = watchOf(w);
    await round();
    expect((await w.store.generation('fernet'))?.provenAt).toBeUndefined();
    w.nodes.node('s3-k1').connected = true;
    await round();
    expect((await w.store.generation('fernet'))?.provenAt).toBeDefined();
    expect(begun).toEqual([]);
    await w.clock.sleep(day + 1_000);
    await round();
    expect(begun).toEqual([['rotate', 'fernet', 2]]);
  });

  it('does not begin a rotation that is due and would be refused; it says why, and begins it when that is mended', async () => {
    const w = makeWorld();
    await w.adopt();
    const { round, begun } = watchOf(w);
    await w.clock.sleep(day + 1_000);
    const { files: there } = w.nodes.node('s3-k1').repositories.fernet;
    there.set('7', keyText());
    const said = async () => (await w.store.conditions()).filter((c) => c.type === 'TokenKeysRotated');
    for (let i = 0; i < 2; i++) {
      await round();
      expect([begun, await said()]).toEqual([[], [expect.objectContaining({ scope: 'star', status: 'False', reason: 'GW_KEY_FOREIGN', message: expect.stringMatching(/^due since 2026-01-02T.*s3-k1: .*key 7/) as string })]]);
    }
    there.delete('7');
    await round();
    expect([begun, await said()]).toEqual([[['rotate', 'fernet', 1]], []]);
  });

  it('says where a keystone.conf is not as declared; a rotation of token keys is refused while tokens live longer there', async () => {
    const w = makeWorld();
    await w.adopt();
    const { round } = watchOf(w);
    const node = w.nodes.node('s3-k1');
    const settings = { tokenExpirationSeconds: 3_600, allowExpiredWindowSeconds: 172_800, fernetMaxActiveKeys: 5, fernetRepository: '/f', receiptRepository: '/f', credentialRepository: '/c' };
    const fits = async () => {
      await round();
      return (await w.store.conditions()).find((c) => c.type === 'PolicyFits');
    };
    expect(await fits()).toBeUndefined();
    node.keystone = settings;
    expect(await fits()).toMatchObject({ scope: 'node s3-k1', status: 'True' });
    node.keystone = { ...settings, tokenExpirationSeconds: 14_400 };
    expect(await fits()).toMatchObject({ status: 'False', reason: 'Differs', message: expect.stringContaining('[token] expiration is 14400, and 3600') as string });
    await expect(rotate(w)).rejects.toMatchObject({ code: 'GW_POLICY_DIFFERS', kind: 'terminal', resource: 'node s3-k1' });
    node.keystone = { ...settings, allowExpiredWindowSeconds: 172_801 };
    await expect(rotate(w)).rejects.toMatchObject({ code: 'GW_POLICY_DIFFERS' });
    // Lock-out, receipts and shorter lives are no danger to a key.
    node.keystone = { ...settings, tokenExpirationSeconds: 600, fernetMaxActiveKeys: 3, receiptRepository: '/r', lockoutFailureAttempts: 6 };
    expect(await fits()).toMatchObject({ status: 'False' });
    expect(await rotate(w)).toMatchObject({ primary: 2 });
  });

  it('whose master key is away goes on with all that needs none', async () => {
    const w = makeWorld({ deps: { sealer: { ...fakeSealer, open: () => Promise.reject(new Error('the KMS is away')) } } });
    await w.adopt();
    const { round, begun } = watchOf(w);
    await w.clock.sleep(1_000);
    w.nodes.node('s4-k1').repositories.fernet.files.delete('1');
    w.nodes.node('m1-k1').on = false;
    await w.store.setMembership('s4', 'left', 'x', w.clock.now());
    await round();
    await w.clock.sleep(31_000);
    w.nodes.node('s3-k2').repositories.fernet.files.delete('1');
    await round();
    expect(begun).toEqual([['repoint', 's3-k1', false]]);
    expect(w.nodes.node('s4-k1').held).toBe('its site has left the star');
    expect(w.logged.join('\n')).toMatch(/duty":"fernet keys".*the KMS is away/);
  });

  it('keeps the time since when a condition is as it is', async () => {
    const w = makeWorld();
    await w.adopt();
    const { round } = watchOf(w);
    w.nodes.node('s3-k1').connected = false;
    await round();
    const since = w.clock.now().toISOString();
    await w.clock.sleep(5_000);
    await round();
    expect((await w.store.conditions()).find((c) => c.scope === 'node s3-k1')).toMatchObject({ type: 'Connected', status: 'False', reason: 'AgentAway', since });
  });
});

describe('adoption', () => {
  it('takes the keys of a Keystone over as they are: nothing changes on its disk, and no key is seen outside', async () => {
    const w = makeWorld();
    for (const kind of ['fernet', 'credential'] as const) {
      const keys = { '0': keyText(), '3': keyText(), '4': keyText() };
      w.made.push(...Object.values(keys));
      w.nodes.node('m1-k1').repositories[kind].files = new Map(Object.entries(keys));
    }
    const before = new Map(w.nodes.node('m1-k1').repositories.fernet.files);
    const journal = newJournal();
    expect(await run(adoptWorkflow(w.deps), { node: 'm1-k1' }, { clock: w.clock, journal })).toEqual({ node: 'm1-k1', site: 'm1', fernet: 3, credential: 3 });
    expect(w.nodes.node('m1-k1').repositories.fernet.files).toEqual(before);
    expect(await w.store.memberships()).toEqual([expect.objectContaining({ site: 'm1', state: 'member' })]);
    const kept = JSON.stringify([...journal.results.values()]) + journal.said.join() + w.logged.join();
    for (const key of w.made) expect(kept).not.toContain(key);
    // A secondary may have signed until now.
    const keys = await w.store.keys('fernet');
    expect(keys.map((k) => [k.signsFrom !== undefined, k.retiredAt !== undefined])).toEqual([[false, false], [true, true], [true, false]]);
    await expect(run(adoptWorkflow(w.deps), { node: 'm1-k1' }, { clock: w.clock, jobId: 'again' })).rejects.toMatchObject({ code: 'GW_KEYS_ADOPTED' });
  });

  const adopt = (w: World, jobId: string, more: Partial<Parameters<typeof run>[2]> = {}) => run(adoptWorkflow(w.deps), { node: 'm1-k1' }, { clock: w.clock, jobId, ...more });
  const lay = (w: World, node: string, kinds: readonly ('fernet' | 'credential')[], keys: () => Record<string, string>): void => {
    for (const kind of kinds) w.nodes.node(node).repositories[kind].files = new Map(Object.entries(keys()));
  };

  it('of a Keystone that lacks one kind of keys is refused, binds nobody, and is done when they are there', async () => {
    const w = makeWorld();
    await expect(adopt(w, 'a')).rejects.toMatchObject({ code: 'GW_KEYS_NONE' });
    lay(w, 'm1-k1', ['fernet'], () => ({ '0': keyText(), '1': keyText() }));
    await expect(adopt(w, 'b')).rejects.toMatchObject({ code: 'GW_KEYS_NONE' });
    expect([w.store.generations, await w.store.memberships()]).toEqual([[], []]);
    lay(w, 'm1-k1', ['credential'], () => ({ '0': keyText(), '1': keyText() }));
    expect(await adopt(w, 'c')).toMatchObject({ fernet: 2, credential: 2 });
  });

  it('that was cancelled before its site was a member is done by the next, with what lies there then', async () => {
    for (const rotatedMeanwhile of [false, true]) {
      const w = makeWorld();
      lay(w, 'm1-k1', ['fernet', 'credential'], () => ({ '0': keyText(), '1': keyText(), '2': keyText() }));
      const cancelled: NonNullable<Parameters<typeof run>[2]['boundary']> = (step) => {
        if (step === 'first-member') throw new Error('cancelled');
      };
      await expect(adopt(w, 'a', { boundary: cancelled })).rejects.toThrow('cancelled');
      const { files: there } = w.nodes.node('m1-k1').repositories.fernet;
      if (rotatedMeanwhile) {
        // As keystone-manage does: the staged one becomes the primary, another is staged.
        there.set('3', there.get('0') ?? '').set('0', keyText());
      }
      const before = new Map(there);
      expect(await adopt(w, 'b')).toMatchObject({ site: 'm1', fernet: before.size });
      expect(w.nodes.node('m1-k1').repositories.fernet.files).toEqual(before);
      expect((await w.store.memberships()).map((m) => [m.site, m.state])).toEqual([['m1', 'member']]);
      // Of each that has signed it is known until when; so it can go one day.
      const current = await w.store.generation('fernet');
      const keys = await w.store.keys('fernet');
      const facts = current?.entries.map((e) => keys.find((k) => k.id === e.id)).map((k) => [k?.signsFrom !== undefined, k?.retiredAt !== undefined]);
      const secondaries = rotatedMeanwhile ? [[true, true], [true, true]] : [[true, true]];
      expect(facts).toEqual([[false, false], ...secondaries, [true, false]]);
    }
  });

  it('is refused where a Keystone beside it has keys of its own; one without keys gets them', async () => {
    const config = starConfig();
    config.sites['m1']?.nodes.push({ name: 'm1-k2', address: 'm1-k2.example:5000', ready: 'm1-k2.example:8791', tls: false, database: 'm1-k2.example:3306' });
    const w = makeWorld({ config });
    for (const node of ['m1-k1', 'm1-k2']) lay(w, node, ['fernet', 'credential'], () => ({ '0': keyText(), '1': keyText() }));
    await expect(adopt(w, 'a')).rejects.toMatchObject({ code: 'GW_KEY_FOREIGN', kind: 'terminal', resource: 'node m1-k2' });
    expect(w.store.generations).toEqual([]);
    lay(w, 'm1-k2', ['fernet', 'credential'], () => ({}));
    await adopt(w, 'b');
    expect(w.nodes.node('m1-k2').repositories.fernet.files).toEqual(w.nodes.node('m1-k1').repositories.fernet.files);
  });

  it('waits for a person where such keys turn up on its way', async () => {
    const config = starConfig();
    config.sites['m1']?.nodes.push({ name: 'm1-k2', address: 'm1-k2.example:5000', ready: 'm1-k2.example:8791', tls: false, database: 'm1-k2.example:3306' });
    const w = makeWorld({ config });
    lay(w, 'm1-k1', ['fernet', 'credential'], () => ({ '0': keyText(), '1': keyText() }));
    const foreign = keyText();
    const edited: NonNullable<Parameters<typeof run>[2]['boundary']> = (step, where) => {
      if (step === 'first-member' && where === 'before') lay(w, 'm1-k2', ['fernet'], () => ({ '4': foreign }));
    };
    await expect(adopt(w, 'a', { boundary: edited, patience: 3 })).rejects.toMatchObject({ code: 'GW_ROTATION_HELD', kind: 'waiting', message: expect.stringContaining('m1-k2') as string });
    expect(w.nodes.node('m1-k2').accepts(foreign)).toBe(true);
  });
});
