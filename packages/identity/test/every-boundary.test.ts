import { describe, expect, it } from 'vitest';
import { leaveWorkflow } from '../src/join/leave.ts';
import { repointWorkflow } from '../src/topology/repoint.ts';
import { adoptWorkflow, restoreWorkflow } from '../src/adopt/workflow.ts';
import { killedEverywhere, starWorld } from './star-world.ts';
import { keyText, makeWorld } from './world.ts';

describe('promise: any step may be run twice', () => {
  it('repoint, killed at every boundary: the replica follows the other master by GTID, and is not rebuilt', async () => {
    const w = await starWorld();
    w.nodes.node('m1-k1').on = false;
    const { result, boundaries } = await killedEverywhere(repointWorkflow(w.deps), { node: 's3-k1', seed: false }, w.clock);
    expect(boundaries).toBeGreaterThanOrEqual(15);
    expect(result).toMatchObject({ source: 'm2-k1', seeded: false });
    const node = w.nodes.node('s3-k1');
    expect(node.database).toMatchObject({ source: { host: 'm2-k1.example', port: 3306 }, gtidSlave: '10-1-100' });
    expect(node.calls.filter((c) => c.startsWith('seed'))).toEqual([]);
    expect((await w.store.detours()).map((d) => [d.node, d.source])).toEqual([['s3-k1', 'm2']]);
  });

  it('repoint of a replica that is ahead of all, killed at every boundary: rebuilt, never skipped over', async () => {
    const w = await starWorld();
    const node = w.nodes.node('s3-k1');
    w.nodes.node('m1-k1').on = false;
    node.database = { ...node.database, gtidSlave: '10-1-103', ioRunning: false };
    const { result } = await killedEverywhere(repointWorkflow(w.deps), { node: 's3-k1', seed: false }, w.clock);
    expect(result).toMatchObject({ source: 'm2-k1', seeded: true });
    expect(node.calls.filter((c) => c.startsWith('repoint'))).toEqual([]);
  });

  it('leave, for good, of a master, killed at every boundary: out once, its replicas fed by the other, one rotation', async () => {
    const w = await starWorld();
    w.nodes.node('m1-k1').on = false;
    const { result, boundaries } = await killedEverywhere(leaveWorkflow(w.wide), { site: 'm1', lost: true }, w.clock);
    expect(boundaries).toBeGreaterThanOrEqual(24);
    expect(result).toMatchObject({ state: 'left' });
    expect((await w.store.memberships()).find((m) => m.site === 'm1')?.state).toBe('left');
    expect(['s3-k1', 's4-k1'].map((n) => w.nodes.node(n).database.source?.host)).toEqual(['m2-k1.example', 'm2-k1.example']);
    expect([...new Set(w.rotations)]).toEqual(['fernet job-1-rotate']);
  });

  it('leave in peace, killed at every boundary: its nodes are held out', async () => {
    const w = await starWorld();
    const { result } = await killedEverywhere(leaveWorkflow(w.wide), { site: 's4', lost: false }, w.clock);
    expect(result).toMatchObject({ state: 'left' });
    expect(['s4-k1', 's4-k2'].map((n) => w.nodes.node(n).held)).toEqual(['its site has left the star', 'its site has left the star']);
  });

  it('restore, killed at every boundary: the star’s keys are back', async () => {
    const w = await starWorld();
    const node = w.nodes.node('s4-k1');
    node.repositories.fernet.files.set('9', keyText());
    await killedEverywhere(restoreWorkflow(w.deps), { node: 's4-k1' }, w.clock);
    expect(node.primary()).toBe(w.nodes.node('m1-k1').primary());
    expect([...node.repositories.fernet.files.keys()]).toEqual([...w.nodes.node('m1-k1').repositories.fernet.files.keys()]);
  });

  it('adopt, killed at every boundary: the keys that there are become the first generation, unchanged', async () => {
    const w = makeWorld();
    const node = w.nodes.node('m1-k1');
    const keys = { 0: keyText(), 1: keyText() };
    for (const kind of ['fernet', 'credential'] as const) node.repositories[kind] = { files: new Map(Object.entries(keys)), generation: 0 };
    await killedEverywhere(adoptWorkflow(w.deps), { node: 'm1-k1' }, w.clock);
    expect(Object.fromEntries(node.repositories.fernet.files)).toEqual(keys);
    expect(await w.store.generation('fernet')).toMatchObject({ generation: 1, phase: 'adopted' });
    expect((await w.store.memberships()).map((m) => [m.site, m.state])).toEqual([['m1', 'member']]);
  });
});
