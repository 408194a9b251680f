import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../../workflow/test/server.ts';
import { type IdentityTables, migrateIdentity, SqlIdentityStore } from '../src/index.ts';
import { keyKinds } from '../src/nodes.ts';
import { type At, Lives } from './boundary-nodes.ts';
import { hash } from './fake-nodes.ts';
import { keyText, makeWorld, type World } from './world.ts';

let server: TestServer;
let lives: Lives;
beforeAll(async () => {
  [server, lives] = await Promise.all([startTestServer(), Lives.make()]);
}, 120_000);
afterAll(async () => {
  await lives.end();
  await server.stop();
});

interface Scenario {
  readonly name: string;
  /** `adopt NODE`, `repoint NODE`, or the kind of keys to rotate. */
  readonly submit: string;
  readonly prepare: (w: World, store: SqlIdentityStore) => Promise<void>;
}

const scenarios: readonly Scenario[] = [
  {
    name: 'adopt', submit: 'adopt m1-k1',
    prepare: (w) => {
      for (const kind of keyKinds) w.nodes.node('m1-k1').repositories[kind].files = new Map([['0', keyText()], ['1', keyText()]]);
      return Promise.resolve();
    },
  },
  { name: 'rotate fernet keys', submit: 'fernet', prepare: (w, store) => w.adopt(keyKinds, store) },
  { name: 'rotate credential keys', submit: 'credential', prepare: (w, store) => w.adopt(keyKinds, store) },
  {
    name: 're-point a replica whose source is gone', submit: 'repoint s3-k1',
    prepare: async (w, store) => {
      await w.adopt(keyKinds, store);
      w.nodes.node('m1-k1').on = false;
    },
  },
  {
    name: 'rebuild a replica that holds what no master has', submit: 'repoint s3-k1',
    prepare: async (w, store) => {
      await w.adopt(keyKinds, store);
      w.nodes.node('m1-k1').on = false;
      const node = w.nodes.node('s3-k1');
      node.database = { ...node.database, gtidSlave: '10-1-103', ioRunning: false };
    },
  },
];

/** All that there is in the end, but for what chance and time make. */
async function told(url: string, w: World, store: SqlIdentityStore): Promise<unknown> {
  const keys = await Promise.all(keyKinds.map(async (kind) => {
    const at = await store.generation(kind);
    return { kind, generation: at?.generation, phase: at?.phase, proven: at?.provenAt !== undefined, indexes: at?.entries.map((e) => e.index), records: (await store.keys(kind)).map((k) => [k.sealed !== undefined, k.signsFrom !== undefined, k.retiredAt !== undefined]) };
  }));
  const [job] = await server.query<{ state: string; result: unknown }>(url, `SELECT state, result FROM godwit_jobs`);
  const { seconds: _seconds, ...result } = (job?.result ?? {}) as Record<string, unknown>;
  const nodes = [...w.nodes.nodes.values()].map((n) => ({
    name: n.name, held: n.held, source: n.database.source,
    ...Object.fromEntries(keyKinds.map((kind) => [kind, [n.repositories[kind].generation, [...n.repositories[kind].files.keys()].sort()]])),
  }));
  return { job: { state: job?.state, result }, keys, nodes, members: (await store.memberships()).map((m) => [m.site, m.state]), detours: (await store.detours()).map((d) => [d.node, d.source]) };
}

/** Every node that signs does so with a key that every node accepts; what the books say is at the nodes is there. */
function wrong(w: World): string[] {
  const found: string[] = [];
  const serving = [...w.nodes.nodes.values()].filter((n) => n.on && n.repositories.fernet.files.size > 0);
  for (const signs of serving) for (const accepts of serving) if (!accepts.accepts(signs.primary() ?? '')) found.push(`${accepts.name} refuses what ${signs.name} signs`);
  return found;
}

async function world({ prepare }: Scenario) {
  const url = await server.newDatabase();
  const db = new Kysely<IdentityTables>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }) });
  await migrateIdentity(db as unknown as Kysely<unknown>);
  const store = new SqlIdentityStore(db);
  const w = makeWorld();
  await prepare(w, store);
  const refusals = new Set<string>();
  w.nodes.onChange = () => { for (const one of wrong(w)) refusals.add(one); };
  return { url, w, store, refusals, close: () => db.destroy() };
}

const over = (url: string) => eventually(async () => (await server.query(url, 'SELECT 1 FROM godwit_jobs WHERE ended_at IS NOT NULL')).length > 0);

/** A row of lives, each killed at its boundary, and one that ends the job: then all is as when nobody was killed. */
async function killedAt(scenario: Scenario, boundaries: readonly At[], expected: unknown): Promise<void> {
  const { url, w, store, refusals, close } = await world(scenario);
  const env = { DATABASE_URL: url, SUBMIT: scenario.submit };
  for (const { workflow, step, boundary } of boundaries) {
    const life = lives.start(w.nodes, { ...env, GODWIT_CRASH_AT: `${workflow}:${step}:${boundary}` });
    expect(`${step} ${boundary}: ${await life.ended}`).toBe(`${step} ${boundary}: SIGKILL`);
  }
  const last = lives.start(w.nodes, env);
  await over(url);
  last.kill();
  expect(await told(url, w, store)).toEqual(expected);
  expect([...refusals]).toEqual([]);
  // The keys at the nodes are those of the books, everywhere the same.
  for (const kind of keyKinds) {
    const entries = (await store.generation(kind))?.entries.map((e) => `${e.index} ${e.sha256}`).sort();
    for (const n of w.nodes.nodes.values()) if (n.on && n.repositories[kind].generation > 0) expect([...n.repositories[kind].files].map(([index, key]) => `${index} ${hash(key)}`).sort()).toEqual(entries);
  }
  await close();
}

describe.concurrent('a controller killed at every boundary, one after the other; the last ends the job as if nothing had happened', () => {
  test.each(scenarios)('$name', { timeout: 180_000 }, async (scenario) => {
    const calm = await world(scenario);
    const undisturbed = lives.start(calm.w.nodes, { DATABASE_URL: calm.url, SUBMIT: scenario.submit });
    await over(calm.url);
    undisturbed.kill();
    const expected = await told(calm.url, calm.w, calm.store);
    expect(expected).toMatchObject({ job: { state: 'succeeded' } });
    const boundaries: At[] = [...undisturbed.crossed];
    expect(boundaries.length).toBeGreaterThanOrEqual(15);

    // Of items side by side, one may be recorded when another's turn comes to be killed: each of their boundaries has a world of its own.
    const chain = boundaries.filter((at) => !at.step.includes('['));
    for (const rows of [chain, ...boundaries.filter((at) => at.step.includes('[')).map((at) => [at])]) await killedAt(scenario, rows, expected);
    console.log(`${scenario.name}: ${boundaries.length} boundaries tried, 0 violations`);
    await calm.close();
  });
});
