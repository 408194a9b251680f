import { describe, expect, it } from 'vitest';
import { checkSite } from '../src/check/check.ts';
import { leaveWorkflow } from '../src/join/leave.ts';
import { joinWorkflow } from '../src/join/workflow.ts';
import { statusOf } from '../src/status.ts';
import { needOf } from '../src/topology/choose.ts';
import { repointWorkflow } from '../src/topology/repoint.ts';
import { look } from '../src/topology/view.ts';
import { Watch } from '../src/watch/watch.ts';
import { member } from './fake-nodes.ts';
import { killedEverywhere, starWorld, type StarWorld } from './star-world.ts';
import { keyText, run, type World } from './world.ts';

const at = (name: string) => ({ host: `${name}.example`, port: 3306 });

const watchOf = (w: World) => {
  const begun: unknown[] = [];
  const watch = new Watch(w.deps, { jobs: { list: () => Promise.resolve([]) }, rotate: () => Promise.resolve(), repoint: (node, seed) => Promise.resolve(begun.push([node, seed])) });
  return { begun, round: () => watch.round(new AbortController().signal) };
};

describe('a replica', () => {
  it('whose source is gone follows the other master after the grace, and goes back after its own was well for a while', async () => {
    const w = await starWorld();
    const { begun, round } = watchOf(w);
    w.nodes.node('m1-k1').on = false;
    await round();
    await w.clock.sleep(29_000);
    await round();
    expect(begun).toEqual([]);
    await w.clock.sleep(2_000);
    await round();
    // Those of m1; the others are fed by m2.
    expect(begun).toEqual([['s3-k1', false], ['s4-k1', false]]);
    expect(await run(repointWorkflow(w.deps), { node: 's3-k1', seed: false }, { clock: w.clock })).toMatchObject({ source: 'm2-k1', site: 'm2', seeded: false, gtid: '10-1-100' });
    expect(w.nodes.node('s3-k1').calls).toContain('repoint m2-k1.example:3306');
    await round();
    expect((await w.store.conditions()).find((c) => c.scope === 'node s3-k1' && c.type === 'OwnSource')).toMatchObject({ status: 'False', reason: 'Detour' });
    begun.length = 0;
    w.nodes.node('m1-k1').on = true;
    await round();
    await w.clock.sleep(119_000);
    await round();
    expect(begun).toEqual([]);
    await w.clock.sleep(2_000);
    await round();
    expect(begun).toEqual([['s3-k1', false]]);
    expect(await run(repointWorkflow(w.deps), { node: 's3-k1', seed: false }, { clock: w.clock })).toMatchObject({ site: 'm1' });
    expect(await w.store.detours()).toEqual([]);
  });

  it('is left alone while no master lives, or all is well', async () => {
    const w = await starWorld();
    expect(needOf(w.deps, await look(w.deps), w.star.node('s3-k1'))).toBeUndefined();
    w.nodes.node('m1-k1').on = false;
    w.nodes.node('m2-k1').database = member('10-1-100', { cluster: { size: 1, status: 'non-Primary', ready: false, state: 'Initialized' } });
    expect(needOf(w.deps, await look(w.deps), w.star.node('s3-k1'))).toBeUndefined();
    await expect(run(repointWorkflow(w.deps), { node: 's3-k1', seed: false }, { clock: w.clock, patience: 2 })).rejects.toMatchObject({ code: 'GW_MASTER_AWAY', kind: 'waiting' });
    await expect(run(repointWorkflow(w.deps), { node: 'm1-k1', seed: false }, { clock: w.clock })).rejects.toMatchObject({ code: 'GW_NOT_A_REPLICA' });
  });

  it('that holds what no master has is rebuilt, never skipped over; so is one that diverged', async () => {
    const w = await starWorld();
    const node = w.nodes.node('s3-k1');
    w.nodes.node('m1-k1').on = false;
    node.database = { ...node.database, gtidSlave: '10-1-103', ioRunning: false };
    expect(needOf(w.deps, await look(w.deps), w.star.node('s3-k1'))).toMatchObject({ what: 'seed', why: 'it holds 3 transactions that no living master has' });
    expect(await run(repointWorkflow(w.deps), { node: 's3-k1', seed: false }, { clock: w.clock })).toMatchObject({ seeded: true, source: 'm2-k1' });
    expect(node.calls.filter((c) => c.startsWith('repoint'))).toEqual([]);
    expect(node.calls).toContain('seed m2-k1.example:3306 force');

    const other = w.nodes.node('s4-k2');
    other.database = { ...other.database, sqlRunning: false, diverged: 'duplicate entry (1062)' };
    const { begun, round } = watchOf(w);
    await round();
    await w.clock.sleep(31_000);
    await round();
    expect(begun).toContainEqual(['s4-k2', true]);
    // What breaks at once is not rebuilt again and again.
    begun.length = 0;
    await w.clock.sleep(60_000);
    await round();
    await w.clock.sleep(60_000);
    await round();
    expect(begun.filter((b) => (b as unknown[])[0] === 's4-k2')).toEqual([]);
  });
});

describe('a replica that follows nobody', () => {
  it('is re-pointed where it has a position, rebuilt where it has none, and left alone while it does not answer or its site joins', async () => {
    const w = await starWorld();
    const node = w.nodes.node('s3-k1');
    const need = async () => needOf(w.deps, await look(w.deps), w.star.node('s3-k1'));
    const stray = (gtidCurrent: string) => ({ role: 'none' as const, readOnly: true, gtidCurrent, problems: [{ code: 'GW_AGENT_REPLICATION', message: 'the database is read_only and follows no source' }] });
    node.database = stray('10-1-90');
    expect(await need()).toMatchObject({ what: 'repoint', why: 'it follows nobody' });
    for (const position of ['', '131-131-4']) {
      node.database = stray(position);
      expect(await need()).toMatchObject({ what: 'seed' });
    }
    node.database = stray('10-1-104');
    expect(await need()).toMatchObject({ what: 'seed', why: expect.stringContaining('holds 4 transactions') as string });
    const { begun, round } = watchOf(w);
    await round();
    await w.clock.sleep(31_000);
    await round();
    expect(begun).toEqual([['s3-k1', true]]);
    node.database = { role: 'none', problems: [{ code: 'GW_AGENT_DATABASE_AWAY', message: 'no socket' }] };
    expect(await need()).toBeUndefined();
    node.database = stray('');
    await w.store.setMembership('s3', 'joining', 'j', w.clock.now());
    expect(await need()).toBeUndefined();
  });
});

describe('a site that joins', () => {
  async function outside(): Promise<StarWorld> {
    const w = await starWorld();
    await w.store.setMembership('s4', undefined, '', w.clock.now());
    for (const n of ['s4-k1', 's4-k2']) {
      // As Debian's package leaves it: keys of its own, a database of nobody.
      const node = w.nodes.node(n);
      for (const kind of ['fernet', 'credential'] as const) node.repositories[kind] = { files: new Map([['0', keyText()], ['1', keyText()]]), generation: 0 };
      node.database = { role: 'none', problems: [] };
    }
    return w;
  }
  const join = (w: StarWorld, more = {}) => run(joinWorkflow(w.wide), { site: 's4' }, { clock: w.clock, ...more });

  it('is seeded, gets the keys in place of its own, is tried in both directions, and only then announced', async () => {
    const w = await outside();
    expect(await join(w)).toMatchObject({ site: 's4', state: 'member', seeded: ['s4-k1', 's4-k2'] });
    expect(w.nodes.node('s4-k1').calls.map((c) => c.replace(/ \d+$/, ''))).toEqual(['hold on', 'seed m1-k1.example:3306 force', 'apply fernet', 'apply credential', 'hold off']);
    expect(w.nodes.node('s4-k1').primary()).toBe(w.nodes.node('m1-k1').primary());
    expect(w.keystones.endpoints.map((e) => [e['interface'], e['region_id'], e['url'], e['enabled']])).toEqual(['public', 'internal', 'admin'].map((i) => [i, 'R4', 'http://s4.example:5000/v3', true]));
    expect(w.keystones.writes.every((x) => /at m[12]-k1$/.test(x))).toBe(true);
    expect((await w.prober.round(w.star.sites, new AbortController().signal, { all: true })).cells.every((c) => c.ok)).toBe(true);
  });

  it('leaves the matrix of the others as it is while its address is tried', async () => {
    const w = await outside();
    const { cells } = await w.prober.round(w.star.sites.filter((s) => s.name !== 's4'), new AbortController().signal, { all: true });
    await join(w);
    expect(w.prober.matrix().cells).toEqual(cells);
  });

  it('that had left is left again when it fails', async () => {
    const w = await outside();
    await w.store.setMembership('s4', 'left', 'before', w.clock.now());
    w.keystones.noAddress.add('s4');
    await expect(join(w)).rejects.toMatchObject({ code: 'GW_PROBE_FAILED' });
    expect((await w.store.memberships()).find((m) => m.site === 's4')).toMatchObject({ state: 'left' });
  });

  it('whose tokens are refused is not announced; everything that was made is taken away, and its nodes stay out', async () => {
    const w = await outside();
    w.keystones.noAddress.add('s4');
    await expect(join(w)).rejects.toMatchObject({ code: 'GW_PROBE_FAILED', kind: 'retryable', site: 's4' });
    expect([w.keystones.endpoints, w.keystones.regions]).toEqual([[], []]);
    expect((await w.store.memberships()).some((m) => m.site === 's4')).toBe(false);
    expect(w.nodes.node('s4-k1').held).toBe('its site is not in the star');
  });

  it('is refused beforehand with all that is missing', async () => {
    const w = await outside();
    w.nodes.node('s4-k1').connected = false;
    w.nodes.nodes.delete('s4-k2');
    await expect(join(w)).rejects.toMatchObject({ code: 'GW_PREFLIGHT', details: { findings: [expect.objectContaining({ code: 'GW_NODE_AWAY' }), expect.objectContaining({ code: 'GW_NODE_NOT_ENROLLED' })] } });
    expect(w.keystones.writes).toEqual([]);
    await expect(run(joinWorkflow(w.wide), { site: 's3' }, { clock: w.clock })).rejects.toMatchObject({ code: 'GW_STAR_MEMBER' });
    await expect(run(joinWorkflow(w.wide), { site: 'mars' }, { clock: w.clock })).rejects.toMatchObject({ code: 'GW_STAR_SITE_UNKNOWN' });
  });

  it('while the controller is killed at every boundary: joined once, nothing doubled', async () => {
    const w = await outside();
    const { boundaries } = await killedEverywhere(joinWorkflow(w.wide), { site: 's4' }, w.clock);
    expect(boundaries).toBeGreaterThan(35);
    expect([w.keystones.regions.length, w.keystones.endpoints.length]).toEqual([1, 3]);
    expect((await w.store.memberships()).find((m) => m.site === 's4')?.state).toBe('member');
  });
});

describe('a site that leaves', () => {
  const leave = (w: StarWorld, site: string, lost = false, more = {}) => run(leaveWorkflow(w.wide), { site, lost }, { clock: w.clock, ...more });
  const announced = (w: StarWorld, region: string, site: string): void => {
    w.keystones.regions.push({ id: region });
    for (const i of ['public', 'internal', 'admin']) w.keystones.endpoints.push({ id: `${site}-${i}`, service_id: 'ks', interface: i, region_id: region, url: `http://${site}.example:5000/v3`, enabled: true });
  };

  it('is withdrawn, held out, and forgotten; the keys that it knows are rotated', async () => {
    const w = await starWorld();
    announced(w, 'R4', 's4');
    expect(await leave(w, 's4')).toMatchObject({ state: 'left', rotation: 'job-1-rotate' });
    expect(w.keystones.endpoints).toEqual([]);
    // A region that was there before is not ours to delete.
    expect(w.keystones.regions).toHaveLength(1);
    expect([w.nodes.node('s4-k1').held, w.rotations]).toEqual(['its site has left the star', ['fernet job-1-rotate']]);
  });

  it('for good, a master: the other goes on alone, feeds the replicas, and nobody waits for the lost one', async () => {
    const w = await starWorld();
    announced(w, 'R1', 'm1');
    w.nodes.node('m1-k1').on = false;
    await expect(leave(w, 'm1')).rejects.toMatchObject({ code: 'GW_NODE_AWAY', action: expect.stringContaining('--lost') as string });
    expect(await leave(w, 'm1', true, { jobId: 'lost' })).toMatchObject({ state: 'left' });
    expect(['s3-k1', 's4-k1'].map((n) => w.nodes.node(n).database.source)).toEqual([at('m2-k1'), at('m2-k1')]);
    expect(w.keystones.writes.every((x) => x.endsWith('at m2-k1'))).toBe(true);
    const { begun, round } = watchOf(w);
    await round();
    // What they followed is no part of the star any more: nothing is wrong with them.
    expect((await w.store.conditions()).filter((c) => c.type === 'OwnSource')).toEqual([]);
    // It comes back after all, and is told that it is out.
    w.nodes.node('m1-k1').on = true;
    await round();
    expect(w.nodes.node('m1-k1').held).toBe('its site has left the star');
    await w.clock.sleep(300_000);
    await round();
    expect(begun).toEqual([]);
  });

  it('that is the last that can write may not', async () => {
    const w = await starWorld();
    w.nodes.node('m2-k1').on = false;
    await expect(leave(w, 'm1')).rejects.toMatchObject({ code: 'GW_LAST_MASTER' });
    expect(w.keystones.writes).toEqual([]);
  });
});

describe('the status', () => {
  it('is not well before every member’s tokens were tried at every member', async () => {
    const w = await starWorld();
    const jobs = { list: () => Promise.resolve([]) };
    const ok = async () => (await statusOf(w.deps, jobs, w.prober.matrix())).ok;
    expect(await ok()).toBe(false);
    await w.prober.round(w.star.sites.slice(1), new AbortController().signal, { all: false });
    expect(await ok()).toBe(false);
    await w.prober.round(w.star.sites, new AbortController().signal, { all: false });
    expect(await ok()).toBe(true);
  });
});

describe('probes', () => {
  it('show which site refuses whose tokens, and count', async () => {
    const w = await starWorld();
    w.nodes.node('s3-k2').repositories.fernet.files = new Map([['0', keyText()], ['1', keyText()]]);
    const { cells } = await w.prober.round(w.star.sites, new AbortController().signal, { all: true });
    expect(cells).toHaveLength(16);
    expect(cells.filter((c) => !c.ok).map((c) => `${c.from} ${c.to}`)).toEqual(['m1 s3', 'm2 s3', 's3 s3', 's4 s3']);
    expect(cells.find((c) => c.from === 'm1' && c.to === 's3')).toMatchObject({ refusals: 1, validations: 3, targets: [{ ok: true }, { ok: true }, { target: 's3-k2', ok: false, code: 'GW_TOKEN_REFUSED' }] });
  });

  it('time a revocation through the star', async () => {
    const w = await starWorld();
    const { refusedAfterMs } = await w.prober.revocation(w.star.site('s3'), w.star.sites, new AbortController().signal);
    expect(Object.keys(refusedAfterMs)).toEqual(['m1', 'm2', 's3', 's4']);
    expect(Object.values(refusedAfterMs).every((ms) => ms !== null && ms < 1_000)).toBe(true);
    expect(w.keystones.writes).toEqual(['revoke at m1-k1']);
  });
});

describe('check', () => {
  it('finds nothing at a site that is well, and each thing that is not', async () => {
    const w = await starWorld();
    for (const i of ['public', 'internal', 'admin']) w.keystones.endpoints.push({ id: i, service_id: 'ks', interface: i, region_id: 'R3', url: 'http://s3.example:5000/v3', enabled: i !== 'admin' || undefined });
    const check = () => checkSite(w.wide, w.star.site('s3'), new AbortController().signal);
    const good = await check();
    expect(good.checks.filter((c) => !c.ok)).toEqual([]);
    expect(good.checks.find((c) => c.check === 'policy')?.message).toContain('/ 86400 s + 2 = 5');
    expect([w.keystones.regions, w.keystones.writes]).toEqual([[], ['create region at m1-k1', 'delete region at m1-k1']]);

    w.keystones.misrouted = true;
    w.keystones.endpoints.pop();
    const [one, two] = [w.nodes.node('s3-k1'), w.nodes.node('s3-k2')];
    one.skewMs = 9_000;
    one.database = { ...one.database, readOnly: false };
    two.repositories.fernet.files.set('9', keyText());
    two.held = 'by hand';
    const bad = await check();
    expect(bad.checks.filter((c) => !c.ok).map((c) => `${c.check}: ${c.code ?? ''}`)).toEqual([
      'clock of s3-k1: GW_CLOCK_SKEW', 'database of s3-k1: GW_REPLICA_WRITABLE', 'agent of s3-k2: GW_NODE_NOT_READY', 'keys of s3-k2: GW_KEY_FOREIGN', 'catalogue: GW_ENDPOINT_MISSING', 'writes: GW_SITE_ERROR',
    ]);
  });
});
