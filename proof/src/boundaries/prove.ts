import type { Scenario } from '../scenarios/scenario.ts';
import { type Case, playBatch, type Strike } from './batch.ts';
import { Ground } from './ground.ts';
import { Lane } from './lane.ts';
import { nameOf } from './points.ts';
import { rehearse, type Rehearsal, type Rehearsed } from './rehearse.ts';

export interface Proved {
  readonly tried: number;
  /** Name of the case, and what was wrong. */
  readonly violations: readonly string[];
  /** Of each scenario, how many cases. */
  readonly counts: Readonly<Record<string, number>>;
}

export const everyBoundary = (r: Rehearsed): Case[] => r.points.map((p) => ({ name: `${r.scenario.name}: ${nameOf(p)}`, of: r, where: { boundary: p } }));

/** Changes at the sites, of the steps whose boundaries the scenario tries. */
export const everyEffect = (r: Rehearsed): Case[] =>
  r.effects.flatMap(({ what, steps }, n): Case[] => {
    const { only } = r.scenario;
    if (only && !steps.some((step) => only(step))) return [];
    return [{ name: `${r.scenario.name}: change ${n + 1} (${what.replace(/[0-9a-f-]{32,36}/g, '*')})`, of: r, where: { effect: n + 1, ...(steps.length === 1 && { within: steps[0] as string }) } }];
  });

/** Scenarios that do not disturb each other: rehearsed together, and their cases played in the same batches. */
interface Together {
  readonly ground: Ground;
  readonly scenarios: readonly Scenario[];
  rehearsal?: Rehearsal;
}

export interface ProverOptions {
  /** How many cases at once. */
  readonly width?: number;
  readonly say?: (line: string) => void;
  /** Texts, one a line: only cases with one of them in their names. */
  readonly only?: string | undefined;
}

/** Rehearses scenarios, and plays their cases, many at once. What is prepared for one proof serves the next. */
export class Prover {
  readonly #lane: Lane;
  readonly #sets: readonly Together[];
  readonly #width: number;
  readonly #say: (line: string) => void;
  readonly #wanted: Wanted;
  readonly #began = performance.now();

  private constructor(lane: Lane, scenarios: readonly Scenario[], { width = 48, say = console.log, only = process.env['GODWIT_PROOF_ONLY'] }: ProverOptions) {
    this.#lane = lane;
    this.#width = width;
    this.#say = say;
    this.#wanted = wanted(only);
    const pristine = lane.sites.emulator.save();
    this.#sets = playedTogether(scenarios.filter((s) => this.#wanted.scenario(s.name)), () => new Ground(lane, pristine));
  }

  /** Nothing here is left to chance but the timing: sites and ids are the same each time. */
  static async open(scenarios: readonly Scenario[], options: ProverOptions = {}): Promise<Prover> {
    return new Prover(await Lane.open(1, { wide: true }), scenarios, options);
  }

  /** Plays the cases of each kind; those of all kinds in the same batches. */
  async prove<K extends string>(kinds: Readonly<Partial<Record<K, (r: Rehearsed) => readonly Case[]>>>, strike: Strike, fits: (s: Scenario) => boolean = () => true): Promise<Partial<Record<K, Proved>>> {
    const proved = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, { violations: [] as string[], counts: {} as Record<string, number>, tried: 0 }])) as Record<K, { violations: string[]; counts: Record<string, number>; tried: number }>;
    for (const set of this.#sets) {
      if (!set.scenarios.some(fits)) continue;
      const rehearsal = await this.#rehearsed(set);
      const kindOf = new Map<Case, K>();
      for (const [kind, casesOf] of Object.entries(kinds) as [K, (r: Rehearsed) => readonly Case[]][]) {
        for (const one of rehearsal.of.filter((r) => fits(r.scenario)).flatMap(casesOf)) if (this.#wanted.case(one.name)) kindOf.set(one, kind);
      }
      for (const [{ of: { scenario } }, kind] of kindOf) {
        const mine = proved[kind];
        mine.tried += 1;
        mine.counts[scenario.name] = (mine.counts[scenario.name] ?? 0) + 1;
      }
      const apart = set.scenarios.some((s) => s.forAll) ? (Object.keys(kinds) as K[]).map((kind) => [...kindOf.keys()].filter((one) => kindOf.get(one) === kind)) : [[...kindOf.keys()]];
      for (const batch of apart.flatMap((cases) => batches(cases, Math.min(this.#width, ...set.scenarios.map((s) => s.from.atOnce ?? this.#width)), (one) => one.of.scenario.from))) {
        const found = await playBatch(this.#lane, set.ground, rehearsal, batch, strike, (what) => this.#tell(what));
        this.#tell(`${batch.length} cases, ${found.size} with violations`);
        for (const [one, wrong] of found) {
          const text = `${one.name}:\n    ${wrong.join('\n    ').slice(0, 2_000)}\n    replay: npm run test:proof -- --only ${JSON.stringify(one.name)} crashes`;
          this.#say(text);
          proved[kindOf.get(one) as K].violations.push(text);
        }
      }
    }
    return proved;
  }

  close(): Promise<void> {
    return this.#lane.close();
  }

  async #rehearsed(set: Together): Promise<Rehearsal> {
    if (set.rehearsal === undefined) {
      set.rehearsal = await rehearse(this.#lane, set.ground, set.scenarios);
      this.#tell(`rehearsed ${set.scenarios.map((s) => s.name).join('; ')}`);
    }
    return set.rehearsal;
  }

  #tell(what: string): void {
    if (process.env['GODWIT_PROOF_TELL'] === '1') this.#say(`${((performance.now() - this.#began) / 1_000).toFixed(1)} s: ${what}`);
  }
}

interface Wanted {
  scenario(name: string): boolean;
  case(name: string): boolean;
}

/** A text that begins with a scenario's name and a colon needs no other scenario. */
function wanted(text = ''): Wanted {
  const texts = text.split('\n').filter((t) => t !== '');
  return {
    scenario: (name) => texts.length === 0 || texts.some((t) => !t.includes(': ') || `${t} `.startsWith(`${name}: `)),
    case: (name) => texts.length === 0 || texts.some((t) => name.includes(t.trimEnd())),
  };
}

/** All on one ground, but those that need one of their own; an outage plays by itself. */
function playedTogether(scenarios: readonly Scenario[], newGround: () => Ground): Together[] {
  const grounds = [...new Set([undefined, ...scenarios.map((s) => s.from.apart)])];
  return grounds.map((apart) => scenarios.filter((s) => s.from.apart === apart)).flatMap((all) => {
    const ground = newGround();
    return [all.filter((s) => !s.outage), ...all.filter((s) => s.outage).map((s) => [s])].filter((set) => set.length > 0).map((set): Together => ({ ground, scenarios: set }));
  });
}

/** As few as there can be; each with about as many of each kind as every other, so that no kind needs more units than it must have. */
export function batches<T>(all: readonly T[], width: number, kindOf: (one: T) => unknown): T[][] {
  const made: T[][] = Array.from({ length: Math.ceil(all.length / width) }, () => []);
  const sorted = [...new Set(all.map(kindOf))].flatMap((kind) => all.filter((one) => kindOf(one) === kind));
  for (const [n, one] of sorted.entries()) made[n % made.length]?.push(one);
  return made;
}

export function report(what: string, { tried, violations, counts }: Proved): string {
  return [`${what}: ${tried} tried, ${violations.length} violations`, ...Object.entries(counts).map(([name, n]) => `  ${name}: ${n}`)].join('\n');
}
