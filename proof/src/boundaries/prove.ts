import type { Beginning, Scenario } from '../scenarios/scenario.ts';
import { type Case, playBatch, type Strike } from './batch.ts';
import { Ground } from './ground.ts';
import { Lane } from './lane.ts';
import { nameOf } from './points.ts';
import { rehearse, type Rehearsed } from './rehearse.ts';

export interface Proved {
  readonly tried: number;
  /** Name of the case, and what was wrong. */
  readonly violations: readonly string[];
  /** Of each scenario, how many cases. */
  readonly counts: Readonly<Record<string, number>>;
  /** That the controller runs. */
  readonly workflows: readonly string[];
}

export interface ProveOptions {
  readonly strike: Strike;
  /** How many cases at once. */
  readonly width?: number;
  readonly say?: (line: string) => void;
}

export const everyBoundary = (r: Rehearsed): Case[] => r.points.map((p) => ({ name: `${r.scenario.name}: ${nameOf(p)}`, of: r, where: { boundary: p } }));

/** Changes at the sites, of the steps whose boundaries the scenario tries. */
export const everyEffect = (r: Rehearsed): Case[] =>
  r.effects.flatMap(({ what, steps }, n): Case[] => {
    const { only } = r.scenario;
    if (only && !steps.some((step) => only(step))) return [];
    return [{ name: `${r.scenario.name}: change ${n + 1} (${what.replace(/[0-9a-f-]{32,36}/g, '*')})`, of: r, where: { effect: n + 1 } }];
  });

/** Rehearses each scenario and plays its cases, many at once. GODWIT_PROOF_ONLY: only cases with one of these texts in their names. */
export async function prove(scenarios: readonly Scenario[], casesOf: (r: Rehearsed) => readonly Case[], { strike, width = Number(process.env['GODWIT_PROOF_WIDTH'] ?? 48), say = console.log }: ProveOptions): Promise<Proved> {
  const only = wanted(process.env['GODWIT_PROOF_ONLY']);
  const violations: string[] = [];
  const counts: Record<string, number> = {};
  // Nothing here is left to chance but the timing: sites and ids are the same each time.
  const lane = await Lane.open(1, { wide: true });
  const began = performance.now();
  const tell = (what: string): void => (process.env['GODWIT_PROOF_TELL'] === '1' ? say(`${((performance.now() - began) / 1_000).toFixed(1)} s: ${what}`) : undefined);
  let workflows: readonly string[] = [];
  try {
    const pristine = lane.sites.emulator.save();
    for (const [from, sets] of playedTogether(scenarios.filter((s) => only.scenario(s.name)))) {
      const ground = new Ground(lane, from, pristine);
      for (const set of sets) {
        const rehearsal = await rehearse(lane, ground, set);
        ({ workflows } = rehearsal);
        tell(`${from.name}: rehearsed ${set.map((s) => s.name).join('; ')}`);
        const cases = rehearsal.of.flatMap(casesOf).filter((c) => only.case(c.name));
        for (const c of cases) counts[c.of.scenario.name] = (counts[c.of.scenario.name] ?? 0) + 1;
        for (const batch of batches(cases, width)) {
          const found = await playBatch(lane, ground, rehearsal, batch, strike, tell);
          tell(`${batch.length} cases, ${found.size} with violations`);
          for (const [{ name }, wrong] of found) {
            violations.push(`${name}:\n    ${wrong.join('\n    ').slice(0, 2_000)}\n    replay: npm run test:proof -- --only ${JSON.stringify(name)}`);
            say(violations.at(-1) ?? '');
          }
        }
      }
    }
  } finally {
    await lane.close();
  }
  return { tried: Object.values(counts).reduce((a, b) => a + b, 0), violations, counts, workflows };
}

/** Texts of which a case must have one in its name, one a line. One that begins with a scenario's name and a colon needs no other scenario. */
function wanted(text = ''): { scenario(name: string): boolean; case(name: string): boolean } {
  const texts = text.split('\n').filter((t) => t !== '');
  return {
    scenario: (name) => texts.length === 0 || texts.some((t) => !t.includes(': ') || `${t} `.startsWith(`${name}: `)),
    case: (name) => texts.length === 0 || texts.some((t) => name.includes(t.trimEnd())),
  };
}

/** By what they begin from; there, those together that do not disturb each other. */
function playedTogether(scenarios: readonly Scenario[]): Map<Beginning, Scenario[][]> {
  const groups = new Map([...new Set(scenarios.map((s) => s.from))].map((from) => [from, scenarios.filter((s) => s.from === from)]));
  return new Map([...groups].map(([from, all]) => [from, [all.filter((s) => !s.outage), ...all.filter((s) => s.outage).map((s) => [s])].filter((set) => set.length > 0)]));
}

/** Of about the same size. */
export function batches<T>(all: readonly T[], width: number): T[][] {
  const count = Math.ceil(all.length / width);
  return Array.from({ length: count }, (_, n) => all.slice(Math.floor((n * all.length) / count), Math.floor(((n + 1) * all.length) / count)));
}

export function report(what: string, { tried, violations, counts }: Proved): string {
  return [`${what}: ${tried} tried, ${violations.length} violations`, ...Object.entries(counts).map(([name, n]) => `  ${name}: ${n}`)].join('\n');
}
