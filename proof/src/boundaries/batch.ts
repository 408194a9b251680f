import { setTimeout as delay } from 'node:timers/promises';
import { type CrashPoint, type JobOrder, withoutItem } from '../controllers/protocol.ts';
import { ControllerDied, type ControllerProcess } from '../controllers/processes.ts';
import { differences } from '../world/canonical.ts';
import { JobPoll, type JobRow } from '../world/catalogue.ts';
import type { Unit } from '../world/unit.ts';
import { patiently, until } from '../world/until.ts';
import { Watch } from '../world/watch.ts';
import { byJob, EffectTap } from './effects.ts';
import type { Ground } from './ground.ts';
import { openSteps } from './points.ts';
import { dataFaults, faultsOf, verdict } from './judge.ts';
import type { Lane } from './lane.ts';
import type { Rehearsal, Rehearsed } from './rehearse.ts';
import { restOf, type WholeRest } from './rest.ts';
import { serversOf } from './submitted.ts';
import { unendedJobs } from './unended.ts';

/** Where a job is when its controller is struck. */
export type Where =
  /** At a boundary of the engine's. */
  | { readonly boundary: CrashPoint }
  /** When so many of its changes at the sites are made: the answer to the last one is on its way. `within`: a step that was under way then. */
  | { readonly effect: number; readonly within?: string };

export interface Case {
  readonly name: string;
  readonly of: Rehearsed;
  readonly where: Where;
}

/** `killed`: another goes on. `stopped`: another takes over, and when that one is done, the first is continued. */
export type Strike = 'killed' | 'stopped';

interface Played {
  readonly case: Case;
  readonly unit: Unit;
  readonly wrong: string[];
  jobId: string;
}

const freezeLimitMs = 30_000;
const waitMs = 60_000;

/**
 * Many cases at once: each by the job of a unit of its own, all by one controller, each held where it is to be struck. When all are held, the
 * controller is struck, once for all of them; another ends the jobs. What was wrong, by case.
 */
export async function playBatch(lane: Lane, ground: Ground, rehearsal: Rehearsal, cases: readonly Case[], strike: Strike, tell: (what: string) => void = () => undefined): Promise<ReadonlyMap<Case, readonly string[]>> {
  const units = await ground.unitsFor(cases.map((c) => c.of.scenario.from));
  const { name, url } = await ground.lay();
  const { emulator } = lane.sites;
  const played = cases.map((one, n): Played => ({ case: one, unit: units[n] as Unit, wrong: [], jobId: '' }));
  const watch = new Watch(emulator, { freezeLimitMs: () => freezeLimitMs }, 50);
  const jobOfServer = new Map<string, string>();
  const victim = lane.victim();
  // An answer that does not come is given up in time, by its step; the job must not go on behind that.
  const tap = new EffectTap(emulator, byJob(jobOfServer), (jobId) => openSteps(victim.boundaries, jobId), (jobId) => victim.order({ [jobId]: { holdNow: true } }));
  const pace = strike === 'stopped' ? { deadAfterMs: 1_500, heartbeatMs: 200 } : {};
  const token = await lane.token();
  try {
    tell('prepared');
    await victim.open(lane.order(url, { ...pace, waits: true, token }));
    tell('opened');
    cases.find((c) => c.of.scenario.outage)?.of.scenario.outage?.(lane);
    await Promise.all(played.map((p) => begin(lane, victim, p, tap, jobOfServer)));
    tell('submitted');
    await held(lane, url, victim, tap, played);
    tell('held');
    victim.kill(strike === 'killed' ? 'SIGKILL' : 'SIGSTOP');
    if (strike === 'killed') await victim.ended;
    tap.release(strike === 'killed' ? 'dead' : 'alive');

    await lane.survivor.open(lane.order(url, { ...pace, token, jobs: Object.fromEntries(played.map((p) => [p.jobId, afterwards(p.case)])), ...(strike === 'stopped' && { executorId: 'successor' }) }));
    tell('taken over');
    const jobs = await lane.quiet(url, waitMs, 40);
    tell('ended');
    await judge(lane, url, ground, rehearsal, played, victim, jobs);
    if (strike === 'stopped') await wake(lane, url, ground, rehearsal, played, victim, tap);
  } catch (error) {
    const unended = await unendedJobs(lane, url);
    const what = error instanceof ControllerDied ? `the controller that went on died: ${error.message}` : (error as Error).message;
    for (const p of played) if (unended.size === 0 || unended.has(p.jobId)) p.wrong.push(`${what}${unended.get(p.jobId) ?? ''}`);
  } finally {
    tap.end();
    watch.stop();
    victim.kill();
    if (!lane.survivor.hasEnded) await lane.survivor.close().catch(() => undefined);
    await lane.database.drop(name);
  }
  for (const violation of watch.violations()) for (const p of played) if (violation.includes(p.unit.name)) p.wrong.push(violation);
  return new Map(played.filter((p) => p.wrong.length > 0).map((p) => [p.case, p.wrong]));
}

/** Submits a case's job, and says where it is to be held. */
async function begin(lane: Lane, victim: ControllerProcess, p: Played, tap: EffectTap, jobOfServer: Map<string, string>): Promise<void> {
  const { scenario } = p.case.of;
  const { where } = p.case;
  const { jobId } = await patiently(() => scenario.submit({ sites: lane.sites, api: lane.api(victim) }, p.unit), 4);
  p.jobId = jobId;
  for (const id of serversOf(lane.sites.emulator, p.unit)) jobOfServer.set(id, jobId);
  scenario.faults?.(lane, p.unit, jobId);
  if ('effect' in where) tap.hold(jobId, where.effect);
  const holdAt = 'boundary' in where ? where.boundary : endOf(scenario.workflow, where.within);
  victim.order({ [jobId]: { ...afterwards(p.case), ...(holdAt && { holdAt }) } });
}

/**
 * A step may make a change fewer than in the rehearsal (it found something done already): then its end is as far as the job may go, or it would
 * be struck in another step than its case says. Of steps side by side nobody knows which is the last.
 */
const endOf = (workflow: string, step: string | undefined): CrashPoint | undefined =>
  (step === undefined || step.endsWith('[]') ? undefined : { workflow, step, boundary: 'after-effect', count: 1 });

/** What the one that goes on must know of a job. */
const afterwards = ({ of: { scenario } }: Case): JobOrder => (scenario.cancelAt === undefined ? {} : { cancelAt: scenario.cancelAt });

/** Waits until each job is held, or has ended without coming there. */
async function held(lane: Lane, url: string, victim: ControllerProcess, tap: EffectTap, played: readonly Played[]): Promise<void> {
  const poll = new JobPoll(lane.database, url);
  const there = (p: Played): boolean => victim.held.has(p.jobId) || tap.held.has(p.jobId);
  const ended = new Set<string>();
  const missing = (): Played[] => played.filter((p) => !there(p) && !ended.has(p.jobId));
  await until('each job is where its controller is to be struck', async () => {
    if (victim.hasEnded) throw new Error(`the controller ended by itself: ${victim.log.join('').slice(-2_000)}`);
    if (missing().length === 0) return true;
    for (const job of await poll.rows()) if (job.ended) ended.add(job.id);
    return undefined;
  }, waitMs, 20).catch((error: unknown) => {
    if (!/in vain/.test((error as Error).message)) throw error;
    for (const p of missing()) p.wrong.push(`${(error as Error).message}; it has crossed ${crossed(victim, p.jobId)}`);
  });
  for (const p of played) if (ended.has(p.jobId) && !there(p)) p.wrong.push(`the job ended without coming to where its controller was to be struck; it crossed ${crossed(victim, p.jobId)}`);
}

const crossed = (victim: ControllerProcess, jobId: string): string => victim.boundaries.filter((b) => b.jobId === jobId).map((b) => `${withoutItem(b.step)} ${b.boundary}`).slice(-4).join(', ');

function mayFail(p: Played, victim: ControllerProcess): boolean {
  const { case: { of: { scenario }, where }, jobId } = p;
  if ('boundary' in where) return scenario.mayFail?.(where.boundary.step, where.boundary.boundary) === true;
  return openSteps(victim.boundaries, jobId).some((step) => scenario.mayFail?.(step, 'after-effect') === true);
}

async function judge(lane: Lane, url: string, ground: Ground, rehearsal: Rehearsal, played: readonly Played[], victim: ControllerProcess, jobs: readonly JobRow[]): Promise<void> {
  const units = new Map(played.map((p) => [p.jobId, p.unit]));
  const verdicts = played.map((p) => ({ p, must: verdict(p.case.of, { job: jobs.find((j) => j.id === p.jobId), mayFail: mayFail(p, victim) }) }));
  const look = (found: WholeRest): [Played | undefined, string][] => [
    ...verdicts.flatMap(({ p, must }) => ('wrong' in must ? [] : faultsOf(must.expected, must.failed, found.of.get(p.unit) ?? { sites: [], catalogue: [] }).map((f): [Played, string] => [p, f]))),
    ...strays(rehearsal, found).map((f): [undefined, string] => [undefined, f]),
  ];
  // What the sites do by themselves (a volume that is being deleted) may take a moment more.
  let faults: [Played | undefined, string][] = [];
  await until('', async () => ((faults = look(await restOf(lane, url, ground.units, units))).length === 0 ? true : undefined), 2_000, 100).catch(() => undefined);
  for (const { p, must } of verdicts) if ('wrong' in must) p.wrong.push(must.wrong);
  for (const [p, fault] of faults) for (const one of p === undefined ? played : [p]) one.wrong.push(p === undefined ? `of one of the jobs of its batch: ${fault}` : fault);
  const data = dataFaults(lane, played.map((p) => p.unit));
  for (const p of played) p.wrong.push(...(data.get(p.unit) ?? []));
}

/** What is no unit's must be as before, or as after the undisturbed run. */
function strays(rehearsal: Rehearsal, { rest }: WholeRest): string[] {
  return (['sites', 'catalogue'] as const).flatMap((where) => {
    // Once for one job, many times for many.
    const once = (d: string): string => d.replace(/^([+-])\d+×/, '$1');
    const usual = new Set(differences(rehearsal.before[where], rehearsal.after[where]).map(once));
    return differences(rehearsal.before[where], rest[where]).filter((d) => !usual.has(once(d))).map((d) => `${where === 'sites' ? 'at the sites' : 'in the catalogue'}, of no group: ${d}`);
  });
}

/** The stopped controller goes on: it must find out that the jobs are not its own any more, and leave everything as it is. */
async function wake(lane: Lane, url: string, ground: Ground, rehearsal: Rehearsal, played: readonly Played[], victim: ControllerProcess, tap: EffectTap): Promise<void> {
  tap.effects.clear();
  victim.kill('SIGCONT');
  await delay(1_500);
  for (const p of played) for (const effect of tap.effects.get(p.jobId) ?? []) p.wrong.push(`the controller that was taken over has changed something: ${effect.what}`);
  const jobs = await lane.quiet(url);
  for (const p of played) {
    const job = jobs.find((j) => j.id === p.jobId);
    if (job?.executor !== 'successor') p.wrong.push(`the job is now said to be of ${job?.executor ?? 'nobody'}`);
  }
  await judge(lane, url, ground, rehearsal, played, victim, jobs);
}
