import { describe, expect, it } from 'vitest';
import { clockOutliers } from '../src/keys/clock.ts';
import { Watch } from '../src/watch/watch.ts';
import { makeWorld } from './world.ts';

const skews = (...s: number[]) => new Map(s.map((ms, i) => [`n${i}`, ms]));

describe('clocks', () => {
  it('a node that is far from the majority is found, and by how much', () => {
    expect([...clockOutliers(skews(0, 100, -200, 60_000), 5_000)]).toEqual([['n3', 60_000]]);
    expect([...clockOutliers(skews(0, 100, -60_000), 5_000)]).toEqual([['n2', -60_000]]);
    expect(clockOutliers(skews(0, 4_900), 5_000).size).toBe(0);
  });

  it('a controller whose own clock is wrong judges by the nodes; without a majority nobody is judged', () => {
    expect(clockOutliers(skews(60_000, 60_100, 59_900), 5_000).size).toBe(0);
    expect(clockOutliers(skews(60_000), 5_000).size).toBe(0);
    expect(clockOutliers(skews(60_000, -60_000), 5_000).size).toBe(0);
  });

  it('such a node is kept out of service while it lasts, and no other’s hold is ended', async () => {
    const w = makeWorld();
    await w.adopt();
    const watch = new Watch(w.deps, { jobs: { list: () => Promise.resolve([]) }, rotate: () => Promise.resolve(), repoint: () => Promise.resolve() });
    const round = async (): Promise<void> => {
      await watch.round(new AbortController().signal);
      await w.clock.sleep(2_000);
    };
    const node = w.nodes.node('s4-k2');
    w.nodes.node('s3-k1').held = 'it joins';
    node.skewMs = 100_000;
    for (let i = 0; i < 4; i += 1) await round();
    expect(node.held).toBeNull();
    for (let i = 0; i < 3; i += 1) await round();
    expect(node.held).toMatch(/^its clock is wrong: 100 s ahead/);
    node.skewMs = 0;
    await round();
    expect(node.held).toBeNull();
    expect(w.nodes.node('s3-k1').held).toBe('it joins');
  });
});
