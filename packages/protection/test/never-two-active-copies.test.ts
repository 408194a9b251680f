import { beforeEach, describe, expect, it } from 'vitest';
import type { WorkflowContext } from '@godwit/workflow';
import { assess } from '../src/recover/assess.ts';
import { abortFailover, beginFailover } from '../src/recover/epoch.ts';
import { FenceLoop } from '../src/recover/fence-loop.ts';
import { fenceSource, unfenceSource } from '../src/recover/fence.ts';
import { recoverWorkflow, type RecoverInput } from '../src/recover/workflow.ts';
import { failPoint } from '../src/protect/begin.ts';
import type { Prepared } from '../src/protect/prepare.ts';
import type { ProtectDeps } from '../src/protect/workflow.ts';
import { aGroup, aManifest, aPoint, at0, fails, project, uuid, world, type World } from './fake-world.ts';

let w: World;
const point = aPoint(1, ['full']);
const input: RecoverInput = { groupId: uuid(1), pointId: point.id, to: 'site2', requestedAt: at0 };

beforeEach(async () => {
  w = world();
  await w.store.insertGroup(aGroup());
  await w.store.putPoint(point);
  w.site2.addBackup('full');
  w.site2.addManifest(aManifest(point));
  for (const id of ['s-db', 's-app']) w.site1.addServer(id);
});

const group = () => w.store.groupsById.get(uuid(1))!;
const plan = () => assess(w.deps, input, w.step);

/** The engine's order of things: steps, and on an error the compensations of those begun, in reverse. */
async function run(cancelAtTheEnd = false, more: Partial<RecoverInput> = {}): Promise<unknown> {
  const undos: (() => Promise<void>)[] = [];
  const ctx = {
    jobId: 'j',
    step: async (_name: string, work: (s: unknown) => Promise<unknown>, o: { compensate?: (r: unknown, s: unknown) => Promise<void> } = {}) => {
      if (o.compensate) undos.unshift(() => o.compensate!(undefined, w.step));
      return work(w.step);
    },
    all: (name: string, items: unknown[], key: (i: unknown) => string, work: (i: unknown, s: unknown) => Promise<unknown>, o: { compensate?: (r: unknown, s: unknown, i: unknown) => Promise<void> } = {}) => {
      expect(new Set(items.map(key)).size).toBe(items.length); // the engine refuses two of a name
      return Promise.all(items.map((item) => ctx.step(name, (s) => work(item, s), o.compensate ? { compensate: (r, s) => o.compensate!(r, s, item) } : {})));
    },
  };
  try {
    const result = await recoverWorkflow(w.deps).run(ctx as unknown as WorkflowContext, { ...input, ...more });
    if (cancelAtTheEnd) for (const undo of undos) await undo();
    return result;
  } catch (error) {
    for (const undo of undos) await undo();
    throw error;
  }
}

describe('promise: never two active copies', () => {
  it('stops and locks the old copies, and notes a lost site for when it comes back', async () => {
    expect(await run()).toMatchObject({ sourceFenced: true, epoch: 2 });
    expect(w.site1.servers.all.map((s) => [s.status, s['locked']])).toEqual([['SHUTOFF', true], ['SHUTOFF', true]]);
    expect(group()).toMatchObject({ activeSite: 'site2', state: 'FailedOver', epoch: 2 });
  });

  it('members of the same name come back all', async () => {
    const two = { ...point, volumes: [...point.volumes, { ...point.volumes[0]!, volumeId: 'v2' }] };
    const manifest = aManifest(two);
    const [db] = manifest.servers;
    const twin = { ...db!, id: 's-app', order: 1, ports: [{ ...db!.ports[0]!, mac: 'fa:16:3e:00:00:02', addresses: [{ ip: '10.0.0.6', cidr: '10.0.0.0/24' }] }], volumes: [{ ...db!.volumes[0]!, id: 'v2' }] };
    w.site2.images.all = [];
    w.site2.addManifest({ ...manifest, servers: [db!, twin] });
    expect(await run()).toMatchObject({ servers: [{ name: 'db' }, { name: 'db' }] });
    expect(w.site2.servers.all.map((s) => (s['metadata'] as Record<string, string>)['godwit_origin'])).toEqual(['s-db', 's-app']);
  });

  it('a site that is dead is fenced when it comes back', async () => {
    w.site1.dead = true;
    expect(await run()).toMatchObject({ sourceFenced: false });
    const loop = new FenceLoop(w.deps);
    await loop.round();
    expect(await w.store.fences()).toHaveLength(1);
    w.site1.dead = false;
    await loop.round();
    expect(w.site1.servers.all.map((s) => s.status)).toEqual(['SHUTOFF', 'SHUTOFF']);
    expect(group().conditions.find((c) => c.type === 'SourceFenced')).toMatchObject({ status: 'True' });
    expect(await w.store.fences()).toEqual([]);
  });

  it('also when its group was deleted meanwhile, and when another fence names a site that nobody knows any more', async () => {
    w.site1.dead = true;
    await run();
    w.store.fenceRows.unshift({ groupId: uuid(9), epoch: 2, site: 'removed', project: 'Default/vnf', servers: ['x'] });
    w.store.groupsById.clear();
    w.site1.dead = false;
    await new FenceLoop(w.deps).round();
    expect(w.site1.servers.all.map((s) => s.status)).toEqual(['SHUTOFF', 'SHUTOFF']);
  });

  it('stops what an earlier recovery made at the old site, too: the catalogue need not know it', async () => {
    w.site1.addServer('forgotten', { metadata: { godwit_group: uuid(1), godwit_epoch: '1' } });
    w.site1.addServer('another group’s', { metadata: { godwit_group: uuid(7), godwit_epoch: '1' } });
    await run();
    expect(w.site1.servers.all.map((s) => [s.id, s.status])).toEqual([['s-db', 'SHUTOFF'], ['s-app', 'SHUTOFF'], ['forgotten', 'SHUTOFF'], ['another group’s', 'ACTIVE']]);
  });

  it('a fence that was noted by a recovery which never began stops nobody', async () => {
    await w.store.putFence({ groupId: uuid(1), epoch: 2, site: 'site1', project: 'Default/vnf', servers: ['s-db', 's-app'] });
    await new FenceLoop(w.deps).round();
    expect(w.site1.servers.all.map((s) => s.status)).toEqual(['ACTIVE', 'ACTIVE']);
  });

  it('a fence that a crash cut short goes on: a server that is being stopped refuses to be stopped again', async () => {
    const p = await plan();
    await beginFailover(w.deps, p);
    const [db] = w.site1.servers.all;
    db!['OS-EXT-STS:task_state'] = 'powering-off';
    setTimeout(() => Object.assign(db!, { status: 'SHUTOFF', 'OS-EXT-STS:task_state': null }), 10);
    expect(await fenceSource(w.deps, p, w.step)).toBe(true);
    expect(w.site1.calls).not.toContain('stop s-db');
    expect(await fenceSource(w.deps, p, w.step)).toBe(true);
  });

  it('a paused, suspended or deleted member needs no stop', async () => {
    const p = await plan();
    await beginFailover(w.deps, p);
    w.site1.servers.all[0]!.status = 'PAUSED';
    w.site1.servers.all.pop();
    expect(await fenceSource(w.deps, p, w.step)).toBe(true);
    expect(w.site1.calls).toEqual(['lock s-db']);
  });

  it('a site that answers but does not stop them: nothing is started elsewhere', async () => {
    const cloud = w.deps.sites.get('site1').asProject(project);
    const broken = { ...cloud, compute: { servers: { ...cloud.compute.servers, get: cloud.compute.servers.get, lock: () => Promise.reject(fails('OS_UNAVAILABLE')) } } };
    Object.assign(w.deps.sites.get('site1'), { asProject: () => broken });
    await expect(run()).rejects.toMatchObject({ code: 'GW_FENCE_FAILED', kind: 'terminal' });
    expect([w.site2.servers.all, w.site2.volumes.all, w.site2.ports.all]).toEqual([[], [], []]);
    expect(group()).toMatchObject({ activeSite: 'site1', epoch: 2, state: 'Degraded' });
  });

  const unreachable = () => fails('OS_UNREACHABLE');
  it.each([
    ['once', [unreachable(), 'answer']],
    ['twice', [unreachable(), unreachable(), 'answer']],
    ['with an error of Keystone alone', [Object.assign(fails('OS_UNAVAILABLE'), { status: 503 })]],
  ])('a site that does not answer %s is not lost: its copies are stopped first', async (_how, answers: unknown[]) => {
    w.deps.sites.get('site1').admin.identity.ping = () => {
      const answer = answers.shift();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({});
    };
    expect(await run()).toMatchObject({ sourceFenced: true });
    expect(w.site1.servers.all.map((s) => s.status)).toEqual(['SHUTOFF', 'SHUTOFF']);
  });

  it.each([[1, true], [9, false]])('nor is one whose Keystone answers, while connections to its Nova break %i times', async (times, stopped) => {
    const cloud = w.deps.sites.get('site1').asProject(project);
    const { lock } = cloud.compute.servers;
    let left = times;
    const breaking = { ...cloud, compute: { servers: { ...cloud.compute.servers, lock: (...args: Parameters<typeof lock>) => (left-- > 0 ? Promise.reject(unreachable()) : lock(...args)) } } };
    Object.assign(w.deps.sites.get('site1'), { asProject: () => breaking });
    if (stopped) expect(await run()).toMatchObject({ sourceFenced: true });
    else await expect(run()).rejects.toMatchObject({ code: 'GW_FENCE_FAILED' });
    expect(w.site2.servers.all).toHaveLength(stopped ? 1 : 0);
  });

  it('a database that is away when they are stopped is waited for, and no failure of the site', async () => {
    const p = await plan();
    await beginFailover(w.deps, p);
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    w.store.fenced = () => Promise.reject(away);
    for (const vouched of [false, true]) await expect(fenceSource(w.deps, p, w.step, { vouched })).rejects.toBe(away);
  });

  it('a site that answers but cannot stop them, and is said to be down, is fenced when it can', async () => {
    const site1 = w.deps.sites.get('site1');
    const cloud = site1.asProject(project);
    const lock = cloud.compute.servers.lock;
    let hypervisor = 'dead';
    const broken = { ...cloud, compute: { servers: { ...cloud.compute.servers, lock: (...args: Parameters<typeof lock>) => (hypervisor === 'dead' ? Promise.reject(fails('OS_UNAVAILABLE')) : lock(...args)) } } };
    Object.assign(site1, { asProject: () => broken });
    expect(await run(false, { sourceIsDown: true })).toMatchObject({ sourceFenced: false, epoch: 2 });
    hypervisor = 'back';
    await new FenceLoop(w.deps).round();
    expect(w.site1.servers.all.map((s) => [s.status, s['locked']])).toEqual([['SHUTOFF', true], ['SHUTOFF', true]]);
    expect(await w.store.fences()).toEqual([]);
  });

  it('two recoveries under one epoch: the second is refused', async () => {
    const p = await plan();
    await w.store.updateGroup(uuid(1), 1, (g) => ({ ...g, epoch: 5 }));
    await expect(beginFailover(w.deps, p)).rejects.toMatchObject({ code: 'GW_EPOCH_PASSED' });
  });

  it('what an older epoch began changes nothing when it fails late', async () => {
    const prepared = { group: group(), sequence: 1 } as unknown as Prepared;
    await w.store.updateGroup(uuid(1), 1, (g) => ({ ...g, epoch: 2, state: 'FailedOver', activeSite: 'site2' }));
    const before = group();
    await failPoint(w.deps as ProtectDeps, { groupId: uuid(1), pointId: uuid(50) }, prepared);
    expect(group()).toEqual(before);
  });
});

describe('a member that is locked already', () => {
  it.each([['by its tenant', null], ['by an earlier epoch', 'Godwit: its group is active elsewhere, epoch 1']])('%s is locked under the new epoch, which is what a rebuild reads', async (_whose, locked_reason) => {
    Object.assign(w.site1.servers.all[0]!, { locked: true, locked_reason });
    const p = await plan();
    await beginFailover(w.deps, p);
    await fenceSource(w.deps, p, w.step);
    expect(w.site1.servers.all.map((s) => s['locked_reason'])).toEqual([expect.stringMatching(/epoch 2$/), expect.stringMatching(/epoch 2$/)]);
  });
});

describe('a recovery that fails or is cancelled', () => {
  it('gives the old site back: its members run again, unlocked, and only those that ran', async () => {
    w.site1.servers.all[1]!.status = 'SHUTOFF';
    const p = await plan();
    await beginFailover(w.deps, p);
    await fenceSource(w.deps, p, w.step);
    await unfenceSource(w.deps, p, w.step);
    await unfenceSource(w.deps, p, w.step);
    await abortFailover(w.deps, p);
    expect(w.site1.servers.all.map((s) => [s.status, s['locked']])).toEqual([['ACTIVE', false], ['SHUTOFF', false]]);
    expect(group()).toMatchObject({ activeSite: 'site1', state: 'Degraded', epoch: 2 });
    expect(await w.store.fences()).toEqual([]);
  });

  it('leaves nothing at the other site', async () => {
    const cloud = w.deps.sites.get('site2').asProject(project);
    const noFlavor = { ...cloud, session: cloud.session, network: cloud.network, volume: cloud.volume, image: cloud.image, compute: { ...cloud.compute, servers: { ...cloud.compute.servers, create: () => Promise.reject(fails('OS_OVER_LIMIT')) } } };
    Object.assign(w.deps.sites.get('site2'), { asProject: () => noFlavor });
    await expect(run()).rejects.toMatchObject({ code: 'GW_QUOTA', site: 'site2' });
    expect([w.site2.servers.all, w.site2.volumes.all, w.site2.ports.all]).toEqual([[], [], []]);
    expect(w.site1.servers.all.map((s) => s.status)).toEqual(['ACTIVE', 'ACTIVE']);
  });

  it('keeps the old site stopped while something of it is left at the other', async () => {
    const p = await plan();
    await beginFailover(w.deps, p);
    await fenceSource(w.deps, p, w.step);
    w.site2.addServer('left', { metadata: { godwit_group: uuid(1), godwit_epoch: '2' } });
    await expect(unfenceSource(w.deps, p, w.step)).rejects.toMatchObject({ code: 'GW_FENCE_FAILED' });
    expect(w.site1.servers.all.map((s) => s.status)).toEqual(['SHUTOFF', 'SHUTOFF']);
  });

  it('a cancel that comes when all is done takes down nothing', async () => {
    await run(true);
    expect(w.site2.servers.all.map((s) => s.status)).toEqual(['ACTIVE']);
    expect(w.site2.volumes.all).toHaveLength(1);
    expect(w.site1.servers.all.map((s) => s.status)).toEqual(['SHUTOFF', 'SHUTOFF']);
    expect(group()).toMatchObject({ activeSite: 'site2', state: 'FailedOver' });
  });
});
