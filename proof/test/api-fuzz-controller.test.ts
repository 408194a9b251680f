import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ControllerProcess, Controllers } from '../src/controllers/processes.ts';
import { startTestDatabase, type TestDatabase } from '../src/database/test-database.ts';
import { judge, secretsIn } from '../src/fuzz/judge.ts';
import { type OpenApi, operationsOf } from '../src/fuzz/operations.ts';
import { Populated } from '../src/fuzz/populated.ts';
import { requests } from '../src/fuzz/requests.ts';
import { send } from '../src/fuzz/send.ts';
import { chosenSeed, chosenSize } from '../src/seed.ts';
import { type EmulatedSites, startSites } from '../src/world/sites.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

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

/** Lines of the log about the request that an answer is of: with them, a failure explains itself. */
const logOf = (answer: { headers: string }): string[] => {
  const id = /"x-request-id":"([^"]+)"/.exec(answer.headers)?.[1];
  return id === undefined ? [] : controllers.logged().split('\n').filter((l) => l.includes(id) && /"level":[456]0/.test(l)).map((l) => `its log: ${l.slice(0, 2_000)}`);
};

test('a whole controller, its database and emulated sites: no 5xx, no secret, nothing of another project', async () => {
  const cloudOf = { tenant: 'site1', admin: 'site1-admin', reader: 'site1-auditor', stranger: 'site1-stranger' } as const;
  const tokens: Record<string, string> = {};
  for (const [who, cloud] of Object.entries(cloudOf)) tokens[who] = (await (await sites.cloud(cloud)).session.token()).id;
  const populated = await Populated.plant(sites, () => controller.url, tokens);
  const operations = operationsOf((await (await fetch(`${controller.url}/openapi.json`)).json()) as OpenApi);
  const statuses = new Map<number, number>();
  const secrets = { ...sites.secrets, 'the password of the database': new URL(database.postgres.databaseUrl).password, ...Object.fromEntries(Object.entries(tokens).map(([who, token]) => [`the token of ${who}`, token])) };
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(requests({ operations, callers: ['tenant', ...Object.keys(tokens), 'nobody', 'liar'], known: populated.known, byParameter: populated.byParameter }), async (drawn) => {
      // What an earlier request has deleted is there again, from time to time.
      if (++sent % 100 === 0) await populated.replant();
      const one = populated.fill(drawn);
      const answer = await send(controller.url, one, one.who === 'liar' ? 'not-a-token' : tokens[one.who]);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const foreign = Object.fromEntries(['tenant', 'reader', 'nobody', 'liar'].map((who) => [who, populated.foreign]));
      const wrong = judge(one, answer, { secrets, foreign });
      expect(wrong.length === 0 ? [] : [...wrong, ...logOf(answer)]).toEqual([]);
    }),
    { seed, numRuns: runs },
  );
  expect(controller.hasEnded).toBe(false);
  expect(secretsIn(controllers.logged(), secrets)).toEqual([]);
  // Of use only if it gets behind the front door.
  expect([...statuses].filter(([s]) => s >= 200 && s < 300).reduce((n, [, c]) => n + c, 0)).toBeGreaterThan(runs / 10);
  console.log(`api fuzz (a whole controller): seed ${seed}, ${runs} requests of ${operations.length} operations, answers ${[...statuses].sort().map(([s, n]) => `${s}: ${n}`).join(', ')}`);
});
