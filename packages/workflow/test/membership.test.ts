import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openDb, openPool } from '../src/db.ts';
import type { Db } from '../src/db.ts';
import { Membership } from '../src/membership.ts';
import { startTestServer } from './server.ts';
import type { TestServer } from './server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let server: TestServer;
let url: string;
let db: Db;
beforeAll(async () => {
  server = await startTestServer();
  url = await server.newDatabase();
  db = openDb(openPool(url, 2, () => undefined));
});
afterAll(async () => {
  await db.destroy();
  await server.stop();
});

let clock = 0;
const member = (executorId: string): Membership => new Membership(db, { executorId, applicationVersion: 'v', deadAfterMs: 1_000, now: () => clock });
const holds = (executor: string): Promise<unknown> => server.query(url, `INSERT INTO dbos.workflow_status (workflow_uuid, status, name, executor_id, queue_name)
  VALUES ('of-${executor}', 'PENDING', 'w', '${executor}', 'godwit')`);

test('a controller is dead when it has stood still for the whole time that another looked on, not when its row is old', async () => {
  const [a, b] = [member('a'), member('b')];
  await a.join();
  await b.join();
  await holds('b');
  await server.query(url, `UPDATE godwit_executors SET beat_at = now() - interval '1 day'`);
  expect(await a.findDead()).toEqual([]);
  clock += 900;
  expect(await a.findDead()).toEqual([]);
  await b.beat();
  clock += 900;
  expect(await a.findDead()).toEqual([]);
  // The database was away: the time before does not count.
  a.lookAnew();
  clock += 900;
  expect(await a.findDead()).toEqual([]);
  clock += 1_000;
  expect(await a.findDead()).toEqual(['b']);
  // It comes back: its row is there again with the next sign of life.
  expect(await b.beat()).toBe(true);
  expect(await a.findDead()).toEqual([]);
});

test('a controller that has left, or never was, does not keep its jobs', async () => {
  await holds('ghost');
  expect(await member('a').findDead()).toEqual(['ghost']);
});

test('a second process under one id takes it from the first', async () => {
  const [first, second] = [member('twin'), member('twin')];
  await first.join();
  expect(await first.beat()).toBe(true);
  await second.join();
  expect(await first.beat()).toBe(false);
  expect(await second.beat()).toBe(true);
  await first.leave();
  expect(await second.beat()).toBe(true);
});
