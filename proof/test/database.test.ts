import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Lane } from '../src/boundaries/lane.ts';
import { exhaustConnections, killServer, slowCommits } from '../src/database/troubles.ts';
import { protectedVnf } from '../src/scenarios/vnf-group.ts';
import { chosenSeed } from '../src/seed.ts';
import { catalogue } from '../src/world/catalogue.ts';
import { differences } from '../src/world/canonical.ts';
import { siteInventory } from '../src/world/inventory.ts';
import { unitOf } from '../src/world/unit.ts';
import { patiently } from '../src/world/until.ts';
import { Watch } from '../src/world/watch.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const seed = chosenSeed();
let lane: Lane | undefined;
let watch: Watch | undefined;
beforeEach(async () => {
  // Durable: what was committed must be there after the death of the server.
  lane = await Lane.open(3, { durable: true, wide: true });
});
afterEach(async () => {
  watch?.stop();
  await lane?.close();
});

interface Played {
  readonly sites: string[];
  readonly catalogue: string[];
}

/** Protects twice and recovers, while `trouble` befalls the database. */
async function play(trouble: (lane: Lane, signal: AbortSignal) => Promise<void>): Promise<Played> {
  const it = lane as Lane;
  const { emulator } = it.sites;
  const { url } = await it.database.create();
  await it.survivor.open(it.order(url));
  const stage = it.stage(it.survivor, url);
  const unit = unitOf(1);
  await protectedVnf('protected once', 1).prepare(stage, unit);
  watch = new Watch(emulator, { freezeLimitMs: () => 30_000 });
  const stop = new AbortController();
  const troubles = trouble(it, stop.signal);
  for (const [path, body] of [['protect', {}], ['recover', { to: 'site2' }]] as const) {
    await stage.succeeds((await patiently(() => stage.api.ask<{ jobId: string }>('POST', `/v1/groups/${unit.name}/${path}`, body))).jobId);
  }
  stop.abort();
  await troubles;
  expect(watch.violations()).toEqual([]);
  expect(it.survivor.hasEnded).toBe(false);
  const played = { sites: siteInventory(emulator), catalogue: await catalogue(it.database, url) };
  await it.survivor.close();
  return played;
}

let undisturbed: Played | undefined;
async function asIfNothingHadHappened(played: Played): Promise<void> {
  if (undisturbed === undefined) {
    await lane?.close();
    lane = await Lane.open(3, { wide: true });
    undisturbed = await play(() => Promise.resolve());
  }
  expect(differences(undisturbed.sites, played.sites)).toEqual([]);
  expect(differences(undisturbed.catalogue, played.catalogue)).toEqual([]);
}

test('PostgreSQL is killed at random moments: jobs end as if nothing had happened', async () => {
  let kills = 0;
  const [pauses] = fc.sample(fc.array(fc.integer({ min: 50, max: 900 }), { minLength: 100, maxLength: 100 }), { seed, numRuns: 1 });
  const played = await play(async (it, signal) => {
    for (const pause of pauses ?? []) {
      await delay(pause);
      if (signal.aborted) return;
      const before = it.database.postgres.pid;
      killServer(it.database);
      kills++;
      // Until its supervisor has started it again, there is nothing to kill.
      while (it.database.postgres.pid === before && !signal.aborted) await delay(50);
    }
  });
  console.log(`database: killed ${kills} times (seed ${seed})`);
  expect(kills).toBeGreaterThan(2);
  await asIfNothingHadHappened(played);
});

test('no connection is left for a while: jobs end as if nothing had happened', async () => {
  const played = await play(async (it, signal) => {
    while (!signal.aborted) {
      const release = await exhaustConnections(it.database);
      await delay(400);
      await release();
      await delay(200);
    }
  });
  await asIfNothingHadHappened(played);
});

test('commits take 100 ms, as on a slow disk: jobs end as if nothing had happened, and no freeze takes longer', async () => {
  const it = lane as Lane;
  await slowCommits(it.database, 100);
  const began = performance.now();
  const played = await play(() => Promise.resolve());
  console.log(`database: with 100 ms a commit, protect, protect and recover took ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await asIfNothingHadHappened(played);
});
