import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { everyBoundary, everyEffect, type Proved, Prover, report } from '../src/boundaries/prove.ts';
import { byName, scenarios } from '../src/scenarios/index.ts';

vi.setConfig({ testTimeout: 20 * 60_000, hookTimeout: 120_000 });

/** `npm run test:proof -- boundaries`, `effects`, `zombie`: that part alone. */
const parts = (process.env['GODWIT_PROOF_CRASHES'] ?? 'boundaries effects zombie').split(' ');
const both = { ...(parts.includes('boundaries') && { boundaries: everyBoundary }), ...(parts.includes('effects') && { effects: everyEffect }) };

let prover: Prover;
beforeAll(async () => {
  prover = await Prover.open(process.env['GODWIT_PROOF_ALL'] === '1' ? [...scenarios, ...byName] : scenarios);
});
afterAll(() => prover.close());

/** Both proofs end in a kill: their cases are played in the same batches, by whichever test is first. */
let killed: Promise<Partial<Record<'boundaries' | 'effects', Proved>>> | undefined;
const kill = () => (killed ??= prover.prove(both, 'killed'));

function judge(what: string, proved: Proved | undefined): void {
  console.log(report(what, proved as Proved));
  expect(proved?.violations).toEqual([]);
  if (process.env['GODWIT_PROOF_ONLY'] === undefined) expect(proved?.tried).toBeGreaterThan(0);
}

test.runIf(parts.includes('boundaries'))('every boundary: a controller killed at every boundary of every workflow; another ends the jobs as if nothing had happened', async () => {
  judge('boundaries at which the controller was killed', (await kill()).boundaries);
});

test.runIf(parts.includes('effects'))('effects: a controller killed inside a step, when a change at a site was made and not answered; another ends the jobs as if nothing had happened', async () => {
  judge('changes at which the controller was killed', (await kill()).effects);
});

const main = ['protect, incrementally', 'recover, the old site answers'];

test.runIf(parts.includes('zombie'))('zombie: a controller stopped inside a step while another takes over, and then continued, changes nothing that it no longer owns', async () => {
  judge('changes at which the controller was stopped', (await prover.prove({ zombie: everyEffect }, 'stopped', (s) => main.includes(s.name))).zombie);
});
