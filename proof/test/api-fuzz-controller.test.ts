import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ControllerProcess, Controllers } from '../src/controllers/processes.ts';
import { startTestDatabase, type TestDatabase } from '../src/database/test-database.ts';
import { judge, secretsIn } from '../src/fuzz/judge.ts';
import { type OpenApi, operationsOf } from '../src/fuzz/operations.ts';
import { requests } from '../src/fuzz/requests.ts';
import { send } from '../src/fuzz/send.ts';
import { chosenSeed, chosenSize } from '../src/seed.ts';
import { type EmulatedSites, startSites } from '../src/world/sites.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const seed = chosenSeed();
const runs = chosenSize('REQUESTS', 1_000);
let sites: EmulatedSites;
let database: TestDatabase;
let controllers: Controllers;
let controller: ControllerProcess;

beforeAll(async () => {
  [sites, database, controllers] = await Promise.all([startSites({ seed }), startTestDatabase(), Controllers.make()]);
  controller = controllers.spawn();
  await controller.open({ configFile: sites.configFile, databaseUrl: (await database.create()).url, executorId: 'fuzz', deadAfterMs: 6_000, heartbeatMs: 1_000, pace: 0.02 });
});
afterAll(async () => {
  await controllers?.end();
  await Promise.all([database?.stop(), sites?.close()]);
});

test('a whole controller, its database and emulated sites: no 5xx, no secret, nothing of another project', async () => {
  const cloudOf = { tenant: 'site1', admin: 'site1-admin', reader: 'site1-auditor', stranger: 'site1-stranger' } as const;
  const tokens: Record<string, string> = {};
  for (const [who, cloud] of Object.entries(cloudOf)) tokens[who] = (await (await sites.cloud(cloud)).session.token()).id;
  const operations = operationsOf((await (await fetch(`${controller.url}/openapi.json`)).json()) as OpenApi);
  const known = ['site1', 'site2', 'vnf'];
  const statuses = new Map<number, number>();
  const secrets = { ...sites.secrets, 'the password of the database': new URL(database.postgres.databaseUrl).password, ...Object.fromEntries(Object.entries(tokens).map(([who, token]) => [`the token of ${who}`, token])) };
  await fc.assert(
    fc.asyncProperty(requests({ operations, callers: [...Object.keys(tokens), 'nobody', 'liar'], known, byParameter: { site: ['site1', 'site2'] } }), async (one) => {
      const answer = await send(controller.url, one, one.who === 'liar' ? 'not-a-token' : tokens[one.who]);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      expect(judge(one, answer, { secrets, foreign: {} })).toEqual([]);
    }),
    { seed, numRuns: runs },
  );
  expect(controller.hasEnded).toBe(false);
  expect(secretsIn(controllers.logged(), secrets)).toEqual([]);
  console.log(`api fuzz (a whole controller): seed ${seed}, ${runs} requests of ${operations.length} operations, answers ${[...statuses].sort().map(([s, n]) => `${s}: ${n}`).join(', ')}`);
});
