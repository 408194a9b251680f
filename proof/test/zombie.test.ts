import { expect, test, vi } from 'vitest';
import { everyEffect, prove, report } from '../src/boundaries/prove.ts';
import { scenarios } from '../src/scenarios/index.ts';
import { chosenSeed } from '../src/seed.ts';

vi.setConfig({ testTimeout: 30 * 60_000 });

const every = process.env['GODWIT_PROOF_ALL'] === '1' || process.env['GODWIT_PROOF_ONLY'] ? 1 : 6;
const main = scenarios.filter((s) => ['protect, incrementally', 'recover, the old site answers'].includes(s.name));
const seed = chosenSeed();

test('a controller stopped inside a step while another takes over, and then continued, changes nothing that it no longer owns', async () => {
  const proved = await prove(main, everyEffect((n) => ({ stopAfterEffect: n }), every, seed));
  console.log(report(`changes at which the controller was stopped (seed ${seed})`, proved));
  expect(proved.violations).toEqual([]);
});
