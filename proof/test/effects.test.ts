import { expect, test, vi } from 'vitest';
import { everyEffect, prove, report } from '../src/boundaries/prove.ts';
import { scenarios } from '../src/scenarios/index.ts';
import { chosenSeed } from '../src/seed.ts';

vi.setConfig({ testTimeout: 30 * 60_000 });

/** All of them with --all; otherwise some, others on another day. */
const every = process.env['GODWIT_PROOF_ALL'] === '1' || process.env['GODWIT_PROOF_ONLY'] ? 1 : 4;
const main = scenarios.filter((s) => ['protect, incrementally', 'recover, the old site answers'].includes(s.name));
const seed = chosenSeed();

test('a controller killed inside a step, when a change at a site was made and not answered: another ends the job as if nothing had happened', async () => {
  const proved = await prove(main, everyEffect((n) => ({ dieAfterEffect: n }), every, seed));
  console.log(report(`changes at which the controller was killed (seed ${seed})`, proved));
  expect(proved.violations).toEqual([]);
});
