import { expect, test, vi } from 'vitest';
import { Lane } from '../src/boundaries/lane.ts';
import { chosenSize } from '../src/seed.ts';
import { describe as text, pool, scheduleOf } from '../src/seeds/schedule.ts';
import { runSeed } from '../src/seeds/run-seed.ts';
import { createVnf } from '../src/world/vnf.ts';

vi.setConfig({ testTimeout: 12 * 3_600_000 });

/** Waiting for limits and reconnections costs no processor: several at once. */
const lanes = 3;

function chosen(): number[] {
  const one = process.env['GODWIT_PROOF_SEED'];
  if (one !== undefined && one !== '') return Array.from({ length: chosenSize('SEEDS', 1) }, (_, n) => Number(one) + n);
  // The nightly run tries others each night; a failure prints which.
  const first = process.env['GODWIT_PROOF_SEEDS'] === undefined ? 1 : (Math.floor(Date.now() / 86_400_000) % 20_000) * 10_000;
  return Array.from({ length: chosenSize('SEEDS', 100) }, (_, n) => first + n);
}

test('random fault schedules against random groups: nothing is lost, nothing is left, nothing runs twice', async () => {
  const seeds = chosen();
  const left = [...seeds];
  const failures: string[] = [];
  const acts: Record<string, number> = {};
  const lane = async (): Promise<void> => {
    const mine = await Lane.open(1);
    try {
      await createVnf(await mine.sites.cloud('site1'), pool.map((p, i) => ({ name: p.name, volumes: p.volumes, ip: `192.168.50.${31 + i}`, mac: `fa:16:3e:52:00:${31 + i}` })));
      const empty = await mine.database.create();
      await mine.survivor.open(mine.order(empty.url));
      await mine.survivor.close();
      const start = { snapshot: mine.sites.emulator.save(), template: empty.name };
      let processes = [mine.survivor];
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
        const began = performance.now();
        const run = await runSeed(mine, start, seed, processes);
        processes = run.processes;
        for (const { act } of scheduleOf(seed).acts) acts[act] = (acts[act] ?? 0) + 1;
        if (process.env['GODWIT_PROOF_TELL'] === '1') console.log(`seed ${seed}: ${Math.round(performance.now() - began)} ms, ${run.violations.length} violations`);
        if (run.violations.length === 0) continue;
        const failure = `seed ${seed}:\n    ${run.violations.join('\n    ').slice(0, 3_000)}\n${text(scheduleOf(seed))}\n    replay: npm run test:proof -- seeds --seed ${seed}`;
        failures.push(failure);
        console.log(failure);
        if (process.env['GODWIT_PROOF_LOG']) console.log(run.log);
      }
    } finally {
      await mine.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, seeds.length) }, lane));
  console.log(`seeds: ${seeds.length} tried (${seeds[0] ?? ''} to ${seeds.at(-1) ?? ''}), ${failures.length} with violations; ${Object.entries(acts).map(([a, n]) => `${n} × ${a}`).join(', ')}`);
  expect(failures).toEqual([]);
});
