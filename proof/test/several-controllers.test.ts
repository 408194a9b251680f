import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Lane } from '../src/boundaries/lane.ts';
import type { ControllerProcess } from '../src/controllers/processes.ts';
import { jobRows } from '../src/world/catalogue.ts';
import { patiently, until } from '../src/world/until.ts';
import { createVnf } from '../src/world/vnf.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let lane: Lane;
beforeAll(async () => {
  lane = await Lane.open(2);
});
afterAll(() => lane.close());

const names = ['a', 'b', 'c', 'd'];
const members = names.map((n, i) => ({ name: `vm-${n}`, ip: `192.168.50.${21 + i}`, mac: `fa:16:3e:51:00:${21 + i}` }));

test('several controllers share the work of one database, never two jobs of a group at once; a dead one’s are taken over within 10 s', async () => {
  await createVnf(await lane.sites.cloud('site1'), members);
  const { url } = await lane.database.create();
  // The settings of production: a controller counts as dead after 6 s without a sign of life.
  const order = (executorId: string) => lane.order(url, { executorId, deadAfterMs: 6_000, heartbeatMs: 1_000, pace: 0.2 });
  const crew: ControllerProcess[] = [];
  for (const id of ['one', 'two', 'three']) {
    const process = lane.victim();
    await process.open(order(id));
    crew.push(process);
  }
  const apis = crew.map((p) => lane.api(p));
  for (const n of names) await patiently(() => apis[0]?.ask('POST', '/v1/groups', { name: n, site: 'site1', recoverySite: 'site2', members: [`vm-${n}`], policy: { freezeLimitSeconds: 30 } }) ?? Promise.resolve());
  // Slow sites: what is to be taken over must not be over at once.
  lane.sites.emulator.inject({ kind: 'latency', service: 'volume', ms: 40 });
  await Promise.all([0, 1, 2].flatMap((round) => names.map((n, i) => patiently(() => apis[(i + round) % 3]?.ask('POST', `/v1/groups/${n}/protect`) ?? Promise.resolve()))));

  const busy = await until('one controller works on a job', async () => {
    const running = (await jobRows(lane.database, url)).filter((j) => j.state === 'running');
    return running.length >= 2 ? running[0] : undefined;
  }, 30_000);
  const victim = crew[['one', 'two', 'three'].indexOf(busy.executor ?? '')];
  victim?.kill();
  const died = Date.now();
  const taken = await until('another has its job', async () => {
    const job = (await jobRows(lane.database, url)).find((j) => j.id === busy.id);
    return job !== undefined && job.executor !== busy.executor ? job : undefined;
  }, 30_000);
  const takeoverMs = Date.now() - died;
  lane.sites.emulator.world.faults.liftAll();

  const jobs = await lane.quiet(url, 90_000);
  expect(takeoverMs).toBeLessThan(10_000);
  expect(taken.executor).not.toBe(busy.executor);
  // One that died inside the freeze has lost its point, by design; nothing else may fail.
  expect(jobs.filter((j) => j.state !== 'succeeded' && j.error?.code !== 'GW_WINDOW_INTERRUPTED')).toEqual([]);
  expect(jobs.filter((j) => j.state !== 'succeeded').length).toBeLessThanOrEqual(jobs.filter((j) => j.executor === busy.executor).length + 2);
  const workers = new Set(jobs.map((j) => j.executor));
  expect(workers.size).toBeGreaterThanOrEqual(2);
  const overlaps = await lane.database.query(url, `
    SELECT a.id, b.id FROM godwit_jobs a JOIN godwit_jobs b ON a.key = b.key AND a.id < b.id WHERE a.started_at < b.ended_at AND b.started_at < a.ended_at`);
  expect(overlaps).toEqual([]);
  const shares = [...workers].map((w) => `${w ?? ''} ${jobs.filter((j) => j.executor === w).length}`).join(', ');
  console.log(`several controllers: ${jobs.length} jobs of ${names.length} groups, ended by ${shares}; the dead one’s job was taken over after ${(takeoverMs / 1000).toFixed(1)} s`);
  for (const p of crew) p.kill();
  await delay(0);
});
