import type { JobOrder, CrashPoint } from '../controllers/protocol.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import type { JobRow } from '../world/catalogue.ts';
import type { Unit } from '../world/unit.ts';
import { byJob, type Effect, EffectTap } from './effects.ts';
import type { Ground } from './ground.ts';
import type { Lane } from './lane.ts';
import { crashPoints, openSteps } from './points.ts';
import { type Rest, restOf } from './rest.ts';
import { serversOf } from './submitted.ts';
import { unendedJobs } from './unended.ts';

/** A scenario, played once undisturbed: what every case begins from, and what it must come to. */
export interface Rehearsed {
  readonly scenario: Scenario;
  readonly before: Rest;
  readonly after: Rest;
  readonly job: JobRow;
  readonly points: readonly CrashPoint[];
  /** Changes that the job made at the sites, in order. */
  readonly effects: readonly Effect[];
}

export interface Rehearsal {
  readonly of: readonly Rehearsed[];
  /** What is no unit's, before and after. */
  readonly before: Rest;
  readonly after: Rest;
  /** All workflows that the controller runs. */
  readonly workflows: readonly string[];
}

/** Plays scenarios side by side, each by the job of a unit of its own. */
export async function rehearse(lane: Lane, ground: Ground, scenarios: readonly Scenario[]): Promise<Rehearsal> {
  const units = await ground.unitsFor(scenarios.map((s) => s.from));
  const { name, url } = await ground.lay();
  const { survivor, sites } = lane;
  const before = await restOf(lane, url, ground.units);
  const jobOfServer = new Map<string, string>();
  const tap = new EffectTap(sites.emulator, byJob(jobOfServer), (jobId) => openSteps(survivor.boundaries, jobId));
  try {
    const { workflows } = await survivor.open(lane.order(url, { waits: true, token: await lane.token() }));
    scenarios.find((s) => s.outage)?.outage?.(lane);
    const stage = lane.stage(survivor, url);
    const jobs = new Map<string, Unit>();
    const played = await Promise.all(scenarios.map(async (scenario, n) => {
      const unit = units[n] as Unit;
      const { jobId } = await scenario.submit(stage, unit);
      jobs.set(jobId, unit);
      for (const id of serversOf(sites.emulator, unit)) jobOfServer.set(id, jobId);
      scenario.faults?.(lane, unit, jobId);
      const order: JobOrder = scenario.cancelAt === undefined ? {} : { cancelAt: scenario.cancelAt };
      survivor.order({ [jobId]: order });
      return { scenario, unit, jobId };
    }));
    const rows = await lane.quiet(url, 60_000, 40).catch(async (error: unknown) => {
      const where = await unendedJobs(lane, url);
      throw new Error([(error as Error).message, ...played.flatMap((p) => (where.has(p.jobId) ? [`${p.scenario.name}${where.get(p.jobId) ?? ''}`] : []))].join('\n'), { cause: error });
    });
    await survivor.close();
    const after = await restOf(lane, url, ground.units, jobs);
    const of = played.map(({ scenario, unit, jobId }): Rehearsed => {
      const job = rows.find((j) => j.id === jobId);
      const wanted = scenario.ends ?? 'succeeded';
      if (job?.state !== wanted) throw new Error(`${scenario.name}: the undisturbed run ended as ${job?.state ?? 'nothing'}, not ${wanted}: ${JSON.stringify(job?.error)}`);
      const points = crashPoints(survivor.boundaries.filter((b) => b.jobId === jobId), scenario.workflow).filter((p) => scenario.only?.(p.step) !== false);
      return { scenario, before: before.of.get(unit) as Rest, after: after.of.get(unit) as Rest, job, points, effects: tap.effects.get(jobId) ?? [] };
    });
    return { of, before: before.rest, after: after.rest, workflows };
  } finally {
    tap.end();
    await lane.database.drop(name);
  }
}
