import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Lane } from '../src/boundaries/lane.ts';
import type { Row } from '../src/world/canonical.ts';
import type { ControllerProcess } from '../src/controllers/processes.ts';
import { guestInconsistencies } from '../src/world/guest-data.ts';
import { serverRows, siteRows } from '../src/world/inventory.ts';
import type { Api } from '../src/world/api.ts';
import { until } from '../src/world/until.ts';
import { createVnf } from '../src/world/vnf.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface Job<R = unknown> { readonly state: string; readonly result?: R; readonly error?: { readonly code: string; readonly message: string } }
interface Point { readonly id: string; readonly sequence: number; readonly method?: string; readonly consistency: string; readonly volumes: readonly { readonly volumeId: string; readonly replica?: { readonly image: string; readonly globalId: string; readonly mode: string } }[] }
interface Recovered { readonly servers: readonly { readonly name: string; readonly id: string }[]; readonly rpoSeconds: number }

describe.each(['snapshot', 'journal'] as const)('method replication in %s mode, over emulated sites', (mode) => {
  let lane: Lane;
  let controller: ControllerProcess;
  let api: Api;
  const ended = async <R>(ask: Promise<{ jobId: string }>): Promise<Job<R>> => {
    const { jobId } = await ask;
    return until(`job ${jobId} ends`, async () => {
      const job = await api.ask<Job<R>>('GET', `/v1/jobs/${jobId}`);
      return ['succeeded', 'failed', 'cancelled'].includes(job.state) ? job : undefined;
    }, 60_000);
  };
  const ok = async <R>(ask: Promise<{ jobId: string }>): Promise<R> => {
    const job = await ended<R>(ask);
    expect(job.error).toBeUndefined();
    return job.result as R;
  };
  const post = (path: string, body?: object): Promise<{ jobId: string }> => api.ask('POST', path, body);
  const protect = async (): Promise<Point> => (await ok<{ point: Point }>(post('/v1/groups/vnf/protect'))).point;
  const running = (site: string): Row[] => serverRows(lane.sites.emulator).filter((s) => s['site'] === site && s['status'] === 'ACTIVE');
  const linesOf = (site: string): string[] => running(site).flatMap((s) => guestInconsistencies(lane.sites.emulator, s));
  let first: readonly { id: string; name: string }[] = [];
  let down: { lift(): void } | undefined;

  beforeAll(async () => {
    lane = await Lane.open(mode === 'snapshot' ? 31 : 32);
    first = await createVnf(await lane.sites.cloud('site1'));
    const { url } = await lane.database.create();
    controller = lane.victim();
    await controller.open(lane.order(url));
    api = lane.api(controller);
    await api.ask('POST', '/v1/groups', { name: 'vnf', site: 'site1', recoverySite: 'site2', members: ['vnf-db', 'vnf-app'], policy: { method: 'replication', mirrorMode: mode, freezeLimitSeconds: 30 } });
  });
  afterAll(() => lane.close());

  it('a point is a mark in every copy; its reference is in the point and in the volume’s metadata', async () => {
    const one = await protect();
    const two = await protect();
    expect(two).toMatchObject({ method: 'replication', consistency: 'application', sequence: 2 });
    expect(two.volumes).toHaveLength(4);
    const cloud = await lane.sites.cloud('site1');
    for (const { volumeId, replica } of two.volumes) {
      expect(replica).toMatchObject({ mode, image: `volume-${volumeId}` });
      expect((await cloud.volume.volumes.get(volumeId)).metadata['godwit_replica']).toContain(replica?.globalId);
    }
    expect(await api.ask('POST', `/v1/recovery-points/${one.id}/verify`, {})).toMatchObject({ ok: true });
    const verified = await ok<{ ok: boolean; restored: boolean }>(api.ask('POST', `/v1/recovery-points/${two.id}/verify`, { restore: true }));
    expect(verified).toMatchObject({ ok: true, restored: true });
  });

  it('the site is lost: what is lost is said first; recovered by promoting only the group’s images', async () => {
    const fault = lane.sites.emulator.inject({ kind: 'site-down', site: 'site1' });
    down = { lift: () => void lane.sites.emulator.world.faults.lift(fault.id) };
    const report = await api.ask<{ ok: boolean; findings: unknown[]; plan: string[] }>('POST', '/v1/groups/vnf/recover', { to: 'site2', dryRun: true });
    expect(report.findings).toEqual([]);
    expect(report.plan.join('\n')).toMatch(/what was written since is lost/);
    const result = await ok<Recovered>(post('/v1/groups/vnf/recover', { to: 'site2' }));
    expect(result.servers.map((s) => s.name)).toEqual(['vnf-db', 'vnf-app']);
    expect(linesOf('site2')).toEqual([]);
    expect(running('site2')).toHaveLength(2);
  });

  it('the first site comes back: both primary is told, nothing is given up unasked, resync keeps a copy', async () => {
    down?.lift();
    await until('the old copies are fenced', async () => {
      const group = await api.ask<{ conditions: { type: string; status: string }[] }>('GET', '/v1/groups/vnf');
      return group.conditions.some((c) => c.type === 'SourceFenced' && c.status === 'True') ? true : undefined;
    }, 60_000);
    expect(running('site1')).toEqual([]);
    const refused = await ended(post('/v1/groups/vnf/protect'));
    expect(refused.error).toMatchObject({ code: 'GW_PREFLIGHT', message: expect.stringContaining('primary at both sites') as string });
    const { kept, images } = await ok<{ kept: string[]; images: string[] }>(post('/v1/groups/vnf/resync', {}));
    expect([kept.length, images.length]).toEqual([4, 4]);
    expect((await ended(post('/v1/groups/vnf/resync', {}))).error?.code).toBe('GW_RESYNC_NEEDLESS');
  });

  it('protected where it runs, and moved back as planned: nothing lost, the same servers and volumes as at first', async () => {
    await protect();
    const before = running('site2').length;
    expect(before).toBe(2);
    const result = await ok<Recovered>(post('/v1/groups/vnf/recover', { to: 'site1', planned: true }));
    expect(result.servers.map((s) => s.id)).toEqual(first.map((s) => s.id));
    expect(linesOf('site1')).toEqual([]);
    expect(running('site2')).toEqual([]);
  });

  it('and forth again, by the copies that are there; back again; the catalogue stays as long as it was', async () => {
    await protect();
    const volumes = (site: string): number => siteRows(lane.sites.emulator).filter((r) => r['site'] === site && r['kind'] === 'volume').length;
    const count = [volumes('site1'), volumes('site2')];
    await ok(post('/v1/groups/vnf/recover', { to: 'site2', planned: true }));
    expect(linesOf('site2')).toEqual([]);
    await protect();
    await ok(post('/v1/groups/vnf/recover', { to: 'site1', planned: true }));
    expect(linesOf('site1')).toEqual([]);
    expect(count).toEqual([4, 4]);
    expect([volumes('site1'), volumes('site2')]).toEqual(count);
  });

  it('a group changes its method: points of both are there and recovered; the last point takes the mirroring with it', async () => {
    await api.ask('GET', '/v1/groups/vnf');
    const patch = await fetch(`${controller.url}/v1/groups/vnf`, { method: 'PATCH', headers: { 'content-type': 'application/json', 'x-auth-token': (await (await lane.sites.cloud('site2')).session.token()).id }, body: JSON.stringify({ policy: { method: 'group-snapshot' } }) });
    expect(patch.status).toBe(200);
    const backed = await protect();
    expect(backed.volumes.every((v) => v.replica === undefined)).toBe(true);
    await ok(api.ask('DELETE', '/v1/groups/vnf?purge=true'));
    const left = await Promise.all(first.map(async ({ id }) => {
      const cloud = await lane.sites.cloud('site1');
      return Promise.all((await cloud.compute.servers.volumeAttachments(id)).map(async (a) => (await lane.sites.emulator.rbd('site1', ['mirror', 'image', 'status', `volumes/volume-${a.volumeId}`, '--format', 'json'])).code));
    }));
    expect(left.flat()).toEqual([22, 22, 22, 22]);
  });
});
