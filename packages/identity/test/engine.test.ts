import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, testEngine, type TestServer } from '../../workflow/test/server.ts';
import { createIdentity, type IdentityTables, migrateIdentity, SqlIdentityStore } from '../src/index.ts';
import { FakeKeystones } from './fake-keystones.ts';
import { keyText, makeWorld, starConfig } from './world.ts';

let server: TestServer;
beforeAll(async () => (server = await startTestServer()), 120_000);
afterAll(() => server.stop());

const soon = { now: () => new Date(), sleep: (ms: number, signal?: AbortSignal) => new Promise<void>((done) => {
  const end = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
    done();
  };
  const timer = setTimeout(end, Math.min(ms, 50));
  signal?.addEventListener('abort', end, { once: true });
}) };

/** A controller on a database: the real engine and store over fake nodes and Keystones. */
async function controller(url: string, world: ReturnType<typeof makeWorld>, executorId: string) {
  const db = new Kysely<IdentityTables>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 4 }) }) });
  await migrateIdentity(db as unknown as Kysely<unknown>);
  const engine = testEngine(url, { executorId, retryPace: 0.05 });
  const identity = createIdentity({
    engine, config: starConfig('repointAfterSeconds: 1'), nodes: world.nodes, store: new SqlIdentityStore(db), sealer: world.deps.sealer, sites: world.deps.sites, clock: soon,
    createCloud: new FakeKeystones(world.nodes).cloud, log: world.deps.log, randomKey: world.deps.randomKey,
  });
  await engine.start();
  const ended = async (jobId: string) => {
    await expect.poll(async () => (await engine.jobs.get(jobId))?.endedAt, { timeout: 30_000, interval: 50 }).toBeDefined();
    return engine.jobs.get(jobId);
  };
  return {
    engine, identity, ended,
    close: async () => {
      await identity.close();
      await engine.stop();
      await db.destroy();
    },
  };
}

function worldWithKeys() {
  const world = makeWorld();
  for (const kind of ['fernet', 'credential'] as const) {
    const keys = { '0': keyText(), '1': keyText() };
    world.made.push(...Object.values(keys));
    for (const node of world.nodes.nodes.values()) node.repositories[kind].files = new Map(node.site === 'm1' ? Object.entries(keys) : []);
  }
  return world;
}

describe('on the real engine and database', () => {
  test('keys are adopted and rotated, also by the controller that comes after; no key is in any table', { timeout: 120_000 }, async () => {
    const url = await server.newDatabase();
    const world = worldWithKeys();
    const first = await controller(url, world, 'one');
    await expect(first.identity.adopt({ node: 's3-k1' })).rejects.toMatchObject({ code: 'GW_NOT_A_MASTER', resource: 'node s3-k1' });
    const adopted = await first.ended((await first.identity.adopt({})).jobId);
    expect(adopted).toMatchObject({ state: 'succeeded', result: { node: 'm1-k1', fernet: 2, credential: 2 } });
    expect((await first.ended((await first.identity.rotate('fernet')).jobId))?.result).toMatchObject({ generation: 3, primary: 2 });
    expect((await first.ended((await first.identity.rotate('credential')).jobId))?.result).toMatchObject({ primary: 2 });

    // A rotation is held; a second is refused and names it; its controller goes, another ends it when the node is back.
    world.nodes.node('m1-k1').connected = false;
    const { jobId } = await first.identity.rotate('fernet');
    await expect(first.identity.rotate('fernet')).rejects.toMatchObject({ code: 'GW_ROTATION_RUNNING', details: { jobId } });
    await expect.poll(async () => (await first.engine.jobs.get(jobId))?.steps.find((s) => s.name === 'prove-staged')?.error?.code, { timeout: 20_000 }).toBe('GW_ROTATION_HELD');
    expect((await first.identity.status()).keys.find((k) => k.kind === 'fernet')).toMatchObject({ phase: 'staged', proven: false, jobId });
    await first.close();
    world.nodes.node('m1-k1').connected = true;
    const second = await controller(url, world, 'one');
    expect(await second.ended(jobId)).toMatchObject({ state: 'succeeded', result: { primary: 3 } });
    await second.close();

    const tables = await server.query<{ name: string }>(url, `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'dbos')`);
    expect(tables.length).toBeGreaterThan(8);
    const text = (await Promise.all(tables.map(async (t) => JSON.stringify(await server.query(url, `select * from ${t.name}`))))).join('\n') + world.logged.join('\n');
    expect(world.made.length).toBeGreaterThanOrEqual(7);
    for (const key of world.made) expect(text).not.toContain(key);
  });

  test('two controllers on one database agree on one next generation', async () => {
    const url = await server.newDatabase();
    const db = new Kysely<IdentityTables>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 4 }) }) });
    await Promise.all([migrateIdentity(db as unknown as Kysely<unknown>), migrateIdentity(db as unknown as Kysely<unknown>)]);
    const store = new SqlIdentityStore(db);
    const key = (n: number) => ({ id: `00000000-0000-4000-8000-00000000000${n}`, kind: 'fernet' as const, sha256: `hash-${n}`, sealed: 'x' });
    const set = (job: string, n: number) => ({ kind: 'fernet' as const, generation: 1, phase: 'adopted' as const, jobId: job, entries: [{ index: 1, id: key(n).id, sha256: key(n).sha256 }] });
    const made = await Promise.all([store.begin(set('a', 1), [key(1)], new Date()), store.begin(set('b', 2), [key(2)], new Date())]);
    expect(made.filter((m) => m !== undefined)).toHaveLength(1);
    const [winner] = made.filter((m) => m !== undefined);
    // Done again by the one that made it: the same; nothing is doubled.
    expect(await store.begin({ ...set(winner?.jobId ?? '', 1), entries: winner?.entries ?? [] }, [key(3)], new Date())).toEqual(winner);
    expect(await store.keys('fernet')).toHaveLength(1);
    await store.prove('fernet', 1, new Date());
    expect((await store.generation('fernet'))?.provenAt).toBeDefined();
    expect((await store.keys('fernet'))[0]).toMatchObject({ signsFrom: expect.any(String) as string });

    await store.setMembership('m1', 'joining', 'j', new Date());
    await store.setMembership('m1', 'member', 'j', new Date());
    expect(await store.memberships()).toEqual([expect.objectContaining({ site: 'm1', state: 'member', jobId: 'j' })]);
    await store.setMembership('m1', undefined, 'j', new Date());
    expect(await store.memberships()).toEqual([]);
    const [t0, t1] = [new Date('2026-01-01T00:00:00.000Z'), new Date('2026-01-02T00:00:00.000Z')];
    const condition = { scope: 'node a', type: 'Connected', status: 'True' as const, reason: 'r', message: 'm' };
    await store.putConditions(['node a'], [condition], t0);
    await store.putConditions(['node a'], [{ ...condition, message: 'n' }], t1);
    expect(await store.conditions()).toEqual([{ ...condition, message: 'n', since: t0.toISOString() }]);
    await store.putConditions(['node a'], [{ ...condition, status: 'False' }], t1);
    expect((await store.conditions())[0]?.since).toBe(t1.toISOString());
    await store.putConditions(['node a'], [], t1);
    expect(await store.conditions()).toEqual([]);
    await store.setDetour('a', 'm2', t0);
    await store.setDetour('a', 'm1', t1);
    expect(await store.detours()).toEqual([{ node: 'a', source: 'm1', since: t1.toISOString() }]);
    await db.destroy();
  });
});
