import type { SiteRegistry } from '@godwit/sites';
import type { WorkflowDefinition } from '@godwit/workflow';
import { Clouds } from '../src/probe/clouds.ts';
import { Prober } from '../src/probe/probe.ts';
import { FakeKeystones } from './fake-keystones.ts';
import { Crash, makeWorld, newJournal, run, starConfig, type ManualClock } from './world.ts';

/** The star with its Keystones, their keys adopted; rotations that are asked for are noted. */
export async function starWorld(more = '') {
  const w = makeWorld({ config: starConfig(more) });
  const keystones = new FakeKeystones(w.nodes);
  const sites = { ...w.deps.sites, get: (name: string) => ({ ...w.deps.sites.get(name), region: `R${name.slice(1)}`, admin: { config: { name: 'c', auth: {}, endpointOverrides: {} } } }) } as unknown as SiteRegistry;
  const deps = { ...w.deps, sites, createCloud: keystones.cloud };
  const clouds = new Clouds(deps);
  const prober = new Prober(deps, clouds);
  await w.adopt();
  const rotations: string[] = [];
  const rotate = (kind: string, jobId: string): Promise<string> => Promise.resolve((rotations.push(`${kind} ${jobId}`), jobId));
  return { ...w, deps, keystones, clouds, prober, rotations, wide: { ...deps, clouds, prober, rotate } };
}
export type StarWorld = Awaited<ReturnType<typeof starWorld>>;

/** One job, whose controller dies once at each boundary there is: before a step, after its effect, after its result was written down. */
export async function killedEverywhere<I, O>(definition: WorkflowDefinition<I, O>, input: I, clock: ManualClock): Promise<{ readonly result: O; readonly boundaries: number }> {
  const journal = newJournal();
  const seen = new Set<string>();
  for (;;) {
    try {
      const result = await run(definition, input, {
        clock, journal,
        boundary: (step, where) => {
          if (seen.has(`${step} ${where}`)) return;
          seen.add(`${step} ${where}`);
          throw new Crash();
        },
      });
      return { result, boundaries: seen.size };
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}
