import { expect, test, vi } from 'vitest';
import { Lane } from '../src/boundaries/lane.ts';
import { chosenSize } from '../src/seed.ts';
import { describe as text, scheduleOf, troublesOf, worldOf, worldWidth } from '../src/seeds/schedule.ts';
import { playWorld, prepare } from '../src/seeds/world.ts';

vi.setConfig({ testTimeout: 12 * 3_600_000 });

/** Waiting for limits and reconnections costs no processor: so many worlds at once. */
const lanes = chosenSize('LANES', 2);

function chosen(): number[] {
  const one = process.env['GODWIT_PROOF_SEED'];
  if (one !== undefined && one !== '') return Array.from({ length: chosenSize('SEEDS', 1) }, (_, n) => Number(one) + n);
  // The nightly run tries others each night; a failure prints which.
  const first = process.env['GODWIT_PROOF_SEEDS'] === undefined ? 0 : (Math.floor(Date.now() / 86_400_000) % 20_000) * 10_000;
  return Array.from({ length: chosenSize('SEEDS', 25) }, (_, n) => first + n);
}

const told = (counts: Readonly<Record<string, number>>): string => Object.entries(counts).map(([what, n]) => `${n} × ${what}`).join(', ');

test('random fault schedules against random groups: nothing is lost, nothing is left, nothing runs twice', async () => {
  const seeds = chosen();
  const worlds = [...new Set(seeds.map(worldOf))].map((world) => seeds.filter((seed) => worldOf(seed) === world));
  const left = [...worlds];
  const failures: string[] = [];
  const acts: Record<string, number> = {};
  const ended: Record<string, number> = {};
  const add = (counts: Record<string, number>, what: string, n = 1): void => void (counts[what] = (counts[what] ?? 0) + n);
  const began = performance.now();
  const lane = async (): Promise<void> => {
    const mine = await Lane.open(1, { wide: true });
    try {
      const start = await prepare(mine);
      for (let world = left.shift(); world !== undefined; world = left.shift()) {
        const first = world[0] ?? 0;
        const { wrong, ends, log } = await playWorld(mine, start, world, (what) => {
          if (process.env['GODWIT_PROOF_TELL'] === '1') console.log(`${((performance.now() - began) / 1_000).toFixed(1)} s: seeds from ${first}: ${what}`);
        });
        for (const act of [...troublesOf(worldOf(first)), ...world.flatMap((seed) => scheduleOf(seed).acts)]) add(acts, act.act);
        for (const [what, n] of Object.entries(ends)) add(ended, what, n);
        for (const [seed, what] of wrong) {
          const failure = `seed ${seed}:\n    ${what.join('\n    ').slice(0, 3_000)}\n${text(seed)}\n    replay: npm run test:proof -- seeds --seed ${seed}\n    with all seeds of its world: npm run test:proof -- seeds --seed ${worldOf(seed) * worldWidth} --seeds ${worldWidth}`;
          failures.push(failure);
          console.log(failure);
        }
        if (wrong.size > 0 && process.env['GODWIT_PROOF_LOG'] === '1') console.log(log);
      }
    } finally {
      await mine.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, worlds.length) }, lane));
  console.log(`seeds: ${seeds.length} tried (${seeds[0] ?? ''} to ${seeds.at(-1) ?? ''}) in ${worlds.length} worlds, ${failures.length} with violations, ${((performance.now() - began) / 1_000).toFixed(0)} s;\n  ${told(acts)}\n  jobs meanwhile: ${told(ended)}`);
  expect(failures).toEqual([]);
});
