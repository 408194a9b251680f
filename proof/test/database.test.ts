import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Lane } from '../src/boundaries/lane.ts';
import { exhaustConnections, killServer, slowCommits } from '../src/database/troubles.ts';
import { protectedVnf } from '../src/scenarios/vnf-group.ts';
import { chosenSeed } from '../src/seed.ts';
import { catalogue } from '../src/world/catalogue.ts';
import { differences } from '../src/world/canonical.ts';
import { siteInventory } from '../src/world/inventory.ts';
import { unitOf } from '../src/world/unit.ts';
import { patiently, until } from '../src/world/until.ts';
import { Watch } from '../src/world/watch.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

/** The disk takes so long for a commit. PostgreSQL can be told 100 ms at most. */
const commitMs = process.env['GODWIT_PROOF_ALL'] === '1' ? 100 : 40;
const seed = chosenSeed();
const unit = unitOf(1);

interface Played {
  readonly sites: string[];
  readonly catalogue: string[];
}
interface Trouble {
  readonly url: string;
  readonly signal: AbortSignal;
}

let lane: Lane;
let watch: Watch | undefined;
/** What each test begins from: a group that was protected once. */
let start: { readonly sites: ReturnType<Lane['sites']['emulator']['save']>; readonly database: string };
let undisturbed: Played;
beforeAll(async () => {
  // Durable: what was committed must be there after the death of the server.
  lane = await Lane.open(3, { durable: true, wide: true });
  const { name, url } = await lane.database.create();
  await lane.survivor.open(lane.order(url));
  await protectedVnf('protected once', 1).prepare(lane.stage(lane.survivor, url), unit);
  await lane.survivor.close();
  start = { sites: lane.sites.emulator.save(), database: name };
  undisturbed = await play(() => Promise.resolve());
});
afterEach(() => watch?.stop());
afterAll(() => lane.close());

/** Starts the controller, protects and recovers, while `trouble` befalls the database. */
async function play(trouble: (about: Trouble) => Promise<void>): Promise<Played> {
  const { sites: { emulator }, database, survivor } = lane;
  emulator.restore(start.sites);
  const { url } = await database.create(start.database);
  watch = new Watch(emulator, { freezeLimitMs: () => 30_000 });
  const stop = new AbortController();
  const troubles = trouble({ url, signal: stop.signal });
  try {
    await survivor.open(lane.order(url));
    const stage = lane.stage(survivor, url);
    for (const [path, body] of [['protect', {}], ['recover', { to: 'site2' }]] as const) {
      await stage.succeeds((await patiently(() => stage.api.ask<{ jobId: string }>('POST', `/v1/groups/${unit.name}/${path}`, body))).jobId);
    }
  } finally {
    stop.abort();
    await troubles;
    expect(survivor.hasEnded).toBe(false);
    await survivor.close();
  }
  expect(watch.violations()).toEqual([]);
  watch.stop();
  return { sites: siteInventory(emulator), catalogue: await catalogue(database, url) };
}

function asIfNothingHadHappened(played: Played): void {
  expect(differences(undisturbed.sites, played.sites)).toEqual([]);
  expect(differences(undisturbed.catalogue, played.catalogue)).toEqual([]);
}

/** Events of jobs up to now; undefined while the database cannot be asked. */
async function workDone(url: string): Promise<number | undefined> {
  const [row] = await lane.database.query<{ n: number }>(url, 'SELECT count(*)::int AS n FROM godwit_events').catch(() => []);
  return row?.n;
}

test('PostgreSQL is killed at random moments: the controller starts, and jobs end as if nothing had happened', async () => {
  const [plan] = fc.sample(fc.array(fc.record({ events: fc.integer({ min: 1, max: 30 }), ms: fc.integer({ min: 0, max: 40 }) }), { minLength: 11, maxLength: 11 }), { seed, numRuns: 1 });
  let kills = 0;
  const kill = async (): Promise<void> => {
    const before = lane.database.postgres.pid;
    killServer(lane.database);
    kills++;
    // Its supervisor has started it again, and it answers.
    await until('PostgreSQL is back', () => (lane.database.postgres.pid === before ? undefined : true), 60_000);
  };
  const played = await play(async ({ url, signal }) => {
    // While the controller starts.
    await delay(plan?.[0]?.ms ?? 0);
    await kill();
    for (const { events, ms } of plan ?? []) {
      // Between two deaths something is done, or it would never end: so much of it.
      const before = await until('PostgreSQL answers', () => workDone(url), 60_000);
      for (let done = before; done < before + events && !signal.aborted; done = (await workDone(url)) ?? done) await delay(5);
      await delay(ms);
      if (signal.aborted) return;
      await kill();
    }
  });
  console.log(`database: killed ${kills} times (seed ${seed})`);
  expect(kills).toBeGreaterThan(2);
  asIfNothingHadHappened(played);
});

test('no connection is left for a while: jobs end as if nothing had happened', async () => {
  const played = await play(async ({ signal }) => {
    while (!signal.aborted) {
      const release = await exhaustConnections(lane.database);
      await delay(400);
      await release();
      await delay(200);
    }
  });
  asIfNothingHadHappened(played);
});

test('a controller that is started before its database waits for it, and says so', async () => {
  const { database, survivor } = lane;
  lane.sites.emulator.restore(start.sites);
  const url = new URL((await database.create(start.database)).url);
  const dir = await mkdtemp(join(tmpdir(), 'gw-socket-'));
  const socketDir = url.searchParams.get('host') ?? '';
  url.searchParams.set('host', join(dir, 'run'));
  try {
    const begun = survivor.log.length;
    const said = (): string => survivor.log.slice(begun).join('');
    let open = false;
    const opening = survivor.open(lane.order(url.toString())).then(() => void (open = true));
    await until('it has said several times that it waits', () => ((said().match(/waiting for the database, \d+ s so far/g) ?? []).length >= 3 ? true : undefined), 30_000);
    expect(open).toBe(false);
    await symlink(socketDir, join(dir, 'run'));
    await opening;
    expect(said()).not.toContain(url.password);
    const { name } = await lane.api(survivor).ask<{ name: string }>('GET', `/v1/groups/${unit.name}`);
    expect(name).toBe(unit.name);
    await survivor.close();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test(`commits take ${commitMs} ms, as on a slow disk: jobs end as if nothing had happened, and no freeze takes longer`, async () => {
  await slowCommits(lane.database, commitMs);
  const began = performance.now();
  const played = await play(() => Promise.resolve());
  console.log(`database: with ${commitMs} ms a commit, a start, protect and recover took ${((performance.now() - began) / 1000).toFixed(1)} s`);
  asIfNothingHadHappened(played);
});
