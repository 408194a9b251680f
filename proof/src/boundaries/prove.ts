import type { Scenario } from '../scenarios/scenario.ts';
import { type Interruption, playCase, rehearse, type Rehearsed } from './cases.ts';
import { Lane } from './lane.ts';
import { nameOf } from './points.ts';

export interface Case {
  readonly name: string;
  readonly what: Interruption;
}

export interface Proved {
  readonly tried: number;
  /** Name of the case, and what was wrong. */
  readonly violations: readonly string[];
  /** Of each scenario, how many cases. */
  readonly counts: Readonly<Record<string, number>>;
  /** That the controller runs. */
  readonly workflows: readonly string[];
}

export const everyBoundary = (r: Rehearsed): Case[] => r.points.map((p) => ({ name: `${r.scenario.name}: ${nameOf(p)}`, what: { crashAt: p } }));

/** Changes at the sites at which a controller is interrupted; `every`: of so many only one, beginning with the `first`. */
export const everyEffect = (make: (n: number) => Interruption, every = 1, first = 0) => (r: Rehearsed): Case[] =>
  r.effects.map((effect, n) => ({ name: `${r.scenario.name}: change ${n + 1} (${effect.replace(/[0-9a-f-]{32,36}/g, '*')})`, what: make(n + 1) })).filter((_case, n) => n % every === first % every);

/** Rehearses each scenario and plays its cases. GODWIT_PROOF_ONLY: only cases with this in their names. */
export async function prove(scenarios: readonly Scenario[], casesOf: (r: Rehearsed) => readonly Case[], say: (line: string) => void = console.log): Promise<Proved> {
  const only = process.env['GODWIT_PROOF_ONLY'] ?? '';
  const violations: string[] = [];
  const counts: Record<string, number> = {};
  // Nothing here is left to chance but the timing: sites and ids are the same each time.
  const lane = await Lane.open(1);
  let workflows: readonly string[] = [];
  try {
    const pristine = lane.sites.emulator.save();
    for (const scenario of scenarios) {
      const rehearsed = await rehearse(lane, scenario, pristine);
      workflows = rehearsed.workflows;
      const cases = casesOf(rehearsed).filter((c) => c.name.includes(only));
      counts[scenario.name] = cases.length;
      for (const { name, what } of cases) {
        const began = performance.now();
        const wrong = await playCase(lane, rehearsed, what);
        if (process.env['GODWIT_PROOF_TELL'] === '1') say(`${name}: ${Math.round(performance.now() - began)} ms`);
        if (wrong.length === 0) continue;
        violations.push(`${name}:\n    ${wrong.join('\n    ').slice(0, 2_000)}\n    replay: npm run test:proof -- --only ${JSON.stringify(name)}`);
        say(violations.at(-1) ?? '');
      }
    }
  } finally {
    await lane.close();
  }
  return { tried: Object.values(counts).reduce((a, b) => a + b, 0), violations, counts, workflows };
}

export function report(what: string, { tried, violations, counts }: Proved): string {
  return [`${what}: ${tried} tried, ${violations.length} violations`, ...Object.entries(counts).map(([name, n]) => `  ${name}: ${n}`)].join('\n');
}
