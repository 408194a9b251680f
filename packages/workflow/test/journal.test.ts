import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openDb, openPool } from '../src/db.ts';
import type { Db } from '../src/db.ts';
import { endsRun } from '../src/dbos.ts';
import { Journal } from '../src/journal.ts';
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

test('a run that no longer owns its job may not begin a step, and writes nothing at all', async () => {
  await server.query(url, `INSERT INTO godwit_jobs (id, workflow, key, input, state) VALUES ('j', 'w', 'k', '{}', 'running')`);
  await server.query(url, `INSERT INTO dbos.workflow_status (workflow_uuid, status, name, owner_xid) VALUES ('j', 'PENDING', 'w', 'successor')`);
  await server.query(url, `INSERT INTO godwit_job_steps VALUES ('j', 0, 's', 'running', 1, now(), NULL, NULL)`);
  const account = (): Promise<unknown> => server.query(url, `SELECT (SELECT json_agg(j) FROM godwit_jobs j) AS jobs, (SELECT json_agg(s) FROM godwit_job_steps s) AS steps,
    (SELECT count(*) FROM godwit_events) AS events, (SELECT count(*) FROM godwit_job_progress) AS progress`);
  const before = await account();
  const zombie = new Journal(db, 'j', 'zombie', new AbortController().signal, () => undefined);
  const error = { code: 'GW_X', kind: 'terminal', message: 'x' } as const;
  const refused = [
    () => zombie.begin('zombie'), () => zombie.gate(0), () => zombie.attempt(1, 't', 1, true), () => zombie.attemptFailed(0, 's', error, 1, true),
    () => zombie.endStep(0, 's', 'succeeded', undefined), () => zombie.finish({ state: 'succeeded', result: 1 }), () => zombie.finish({ state: 'failed', error }),
  ];
  for (const write of refused) expect(endsRun(await write().then(() => 'done', (e: unknown) => e))).toBe(true);
  await zombie.progress('s', { phase: 'p' });
  await zombie.log('s', 'm', undefined);
  expect(await account()).toEqual(before);

  const successor = new Journal(db, 'j', 'successor', new AbortController().signal, () => undefined);
  expect(await successor.gate(0)).toEqual({ cancelRequested: false, attempts: 1 });
  await successor.progress('s', { phase: 'p' });
  expect(await successor.finish({ state: 'succeeded', result: 1 })).toBe(true);
  // Done again after a lost reply: no harm.
  expect(await successor.finish({ state: 'succeeded', result: 1 })).toBe(true);
  expect(await server.query(url, `SELECT type, data FROM godwit_events ORDER BY seq`)).toEqual([{ type: 'progress', data: { phase: 'p' } }, { type: 'state', data: { state: 'succeeded' } }]);
});
