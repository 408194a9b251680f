import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeWorld, spec, tokens, type World } from '../../packages/server/test/world.ts';
import { judge, secretsIn } from '../src/fuzz/judge.ts';
import { type OpenApi, operationsOf } from '../src/fuzz/operations.ts';
import { requests } from '../src/fuzz/requests.ts';
import { send } from '../src/fuzz/send.ts';
import { chosenSeed, chosenSize } from '../src/seed.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The HTTP surface alone, over services in memory: quick, so that many requests can be tried. */
let world: World;
let base: string;
const seed = chosenSeed();
const runs = chosenSize('REQUESTS', 2_000);

beforeAll(async () => {
  world = await makeWorld();
  base = await world.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => world.app.close());

test('requests made from the OpenAPI document: no 5xx, no secret, nothing of another project', async () => {
  const inject = async (who: string, method: 'GET' | 'POST', url: string, payload?: object): Promise<Record<string, unknown>> =>
    (await world.app.inject({ method, url, headers: { 'x-auth-token': `tok-${who}` }, ...(payload && { payload }) })).json();
  const mine = await inject('member', 'POST', '/v1/groups', spec);
  const theirs = await inject('stranger', 'POST', '/v1/groups', { ...spec, name: 'their-secret-group', members: ['their-server'] });
  const jobs = [await inject('member', 'POST', '/v1/groups/vnf/protect'), await inject('stranger', 'POST', '/v1/groups/their-secret-group/protect')].map((j) => String(j['jobId']));
  const operations = operationsOf((await world.app.inject({ url: '/openapi.json' })).json<OpenApi>());
  expect(operations.length).toBeGreaterThan(15);
  const ids = [String(mine['id']), String(theirs['id'])];
  // What is theirs is asked for in paths only: what a tenant has written into a policy of its own, it may read there.
  const known = ['site1', 'site2', 'vnf', 'vm1', String(mine['id']), jobs[0] ?? ''];
  const callers = [...Object.keys(tokens), 'nobody', 'liar'];
  const secrets = { 'a job’s input': 'workflow-private', ...Object.fromEntries(Object.keys(tokens).map((name) => [`the token of ${name}`, `tok-${name}`])) };
  const foreign = Object.fromEntries(callers.filter((c) => !['stranger', 'admin', 'system', 'domain'].includes(c)).map((c) => [c, ['their-secret-group', 'their-server', ids[1] ?? '', jobs[1] ?? '']]));
  const statuses = new Map<number, number>();

  await fc.assert(
    fc.asyncProperty(requests({ operations, callers, known, byParameter: { group: ['vnf', 'their-secret-group', ...ids], site: ['site1', 'site2'], job: jobs } }), async (one) => {
      const answer = await send(base, one, one.who === 'nobody' ? undefined : one.who === 'liar' ? 'not-a-token' : `tok-${one.who}`);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      expect(judge(one, answer, { secrets, foreign })).toEqual([]);
    }),
    { seed, numRuns: runs },
  );
  expect(secretsIn(world.logged(), secrets)).toEqual([]);
  // Of use only if it gets past the front door.
  expect([...statuses].filter(([s]) => s >= 200 && s < 300).reduce((n, [, c]) => n + c, 0)).toBeGreaterThan(runs / 20);
  console.log(`api fuzz (services in memory): seed ${seed}, ${runs} requests of ${operations.length} operations, answers ${[...statuses].sort().map(([s, n]) => `${s}: ${n}`).join(', ')}`);
});
