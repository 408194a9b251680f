import { setTimeout as delay } from 'node:timers/promises';
import { type CrashPoint, withoutItem } from '../controllers/protocol.ts';
import { ControllerDied, type ControllerProcess } from '../controllers/processes.ts';
import type { Scenario, Stage } from '../scenarios/scenario.ts';
import { differences } from '../world/canonical.ts';
import { catalogue, type JobRow } from '../world/catalogue.ts';
import { guestInconsistencies } from '../world/guest-data.ts';
import { siteInventory, siteRows } from '../world/inventory.ts';
import { patiently, until } from '../world/until.ts';
import { Watch } from '../world/watch.ts';
import { EffectTap } from './effects.ts';
import type { Lane } from './lane.ts';
import { crashPoints } from './points.ts';

/** How things were at rest: what the sites hold, what the catalogue says. */
interface Rest {
  readonly sites: readonly string[];
  readonly catalogue: readonly string[];
}

/** A scenario, played once undisturbed: what every case begins from, and what it must come to. */
export interface Rehearsed {
  readonly scenario: Scenario;
  readonly snapshot: ReturnType<Lane['sites']['emulator']['save']>;
  readonly template: string;
  readonly before: Rest;
  readonly after: Rest;
  readonly job: JobRow;
  readonly points: readonly CrashPoint[];
  /** All workflows that the controller runs. */
  readonly workflows: readonly string[];
  /** Changes that the job made at the sites, in order. */
  readonly effects: readonly string[];
}

/** Puts the sites where they were when they were rehearsed. Faults of the case before are gone. */
const reset = (lane: Lane, snapshot: Rehearsed['snapshot']): void => lane.sites.emulator.restore(snapshot);

export async function rehearse(lane: Lane, scenario: Scenario, pristine: Rehearsed['snapshot']): Promise<Rehearsed> {
  reset(lane, pristine);
  const first = await lane.database.create();
  const { survivor } = lane;
  await survivor.open(lane.order(first.url));
  const stage = stageOf(lane, survivor, first.url);
  await scenario.prepare(stage);
  await survivor.close();
  const before = await rest(lane, first.url);
  const snapshot = lane.sites.emulator.save();
  const { url } = await lane.database.create(first.name);

  survivor.boundaries.length = 0;
  const { workflows } = await survivor.open(lane.order(url, await cancelling(lane, scenario)));
  scenario.faults?.(lane);
  const tap = new EffectTap(lane.sites.emulator);
  const { jobId } = await scenario.submit(stageOf(lane, survivor, url));
  const job = (await lane.quiet(url)).find((j) => j.id === jobId);
  tap.end();
  await survivor.close();
  const wanted = scenario.ends ?? 'succeeded';
  if (job?.state !== wanted) throw new Error(`${scenario.name}: the undisturbed run ended as ${job?.state ?? 'nothing'}, not ${wanted}: ${JSON.stringify(job?.error)}\n${survivor.log.join('').slice(-3_000)}`);
  const points = crashPoints(survivor.boundaries.filter((b) => b.jobId === jobId), scenario.workflow).filter((p) => scenario.only?.(p.step) !== false);
  return { scenario, snapshot, template: first.name, before, after: await rest(lane, url), job, points, workflows, effects: [...tap.effects] };
}

/** What befalls the controller that began the job. */
export type Interruption =
  /** It dies at a boundary. */
  | { readonly crashAt: CrashPoint }
  /** It dies when so many of its changes at the sites have been made: the answer to the last one is lost. */
  | { readonly dieAfterEffect: number }
  /** There it is stopped, another takes over, and when that one is done it is continued. */
  | { readonly stopAfterEffect: number };

/** One interruption: what was wrong at the end, in words; empty: nothing. */
export async function playCase(lane: Lane, rehearsed: Rehearsed, what: Interruption): Promise<string[]> {
  const { scenario } = rehearsed;
  reset(lane, rehearsed.snapshot);
  const { name, url } = await lane.database.create(rehearsed.template);
  const cancel = await cancelling(lane, scenario);
  const { emulator } = lane.sites;
  const victim = lane.victim();
  const watch = new Watch(emulator, { freezeLimitMs: () => 30_000 });
  const tap = new EffectTap(emulator);
  const zombie = 'stopAfterEffect' in what;
  const deadAfterMs = zombie ? { deadAfterMs: 1_500, heartbeatMs: 200 } : {};
  try {
    await victim.open(lane.order(url, { ...cancel, ...deadAfterMs, ...('crashAt' in what && { crashAt: what.crashAt }) }));
    scenario.faults?.(lane);
    const struck = 'crashAt' in what ? victim.ended : tap.when('dieAfterEffect' in what ? what.dieAfterEffect : what.stopAfterEffect, () => victim.kill(zombie ? 'SIGSTOP' : 'SIGKILL'));
    const submitted = patiently(() => scenario.submit({ sites: lane.sites, api: lane.api(victim) }), zombie ? 1 : 4).catch((error: unknown) => {
      // It may have died before it could answer.
      if (!victim.hasEnded && !zombie && !(error instanceof TypeError)) throw error;
    });
    if (!zombie) await submitted;
    if ((await Promise.race([struck.then(() => true), until('', () => undefined, 20_000).catch(() => false)])) === false) return ['the controller never came to where it was to be interrupted'];
    if (!zombie) await victim.ended;
    await lane.survivor.open(lane.order(url, { ...cancel, ...deadAfterMs, ...(zombie && { executorId: 'successor' }) }));
    const job = (await lane.quiet(url)).at(-1);
    const open = openSteps(victim.boundaries);
    const mayFail = 'crashAt' in what ? scenario.mayFail?.(what.crashAt.step, what.crashAt.boundary) === true : open.some((step) => scenario.mayFail?.(step, 'after-effect') === true);
    const wrong = await judge(lane, rehearsed, mayFail, url, job);
    if (zombie && wrong.length === 0) wrong.push(...(await wake(lane, victim, tap, rehearsed, mayFail, url)));
    return [...wrong, ...watch.violations()];
  } catch (error) {
    if (error instanceof ControllerDied) return [`the controller that went on died: ${error.message}`];
    return [(error as Error).message];
  } finally {
    tap.end();
    watch.stop();
    victim.kill();
    if (!lane.survivor.hasEnded) await lane.survivor.close().catch(() => undefined);
    await lane.database.drop(name);
  }
}

/** The stopped controller goes on: it must find out that the job is not its own any more, and leave everything as it is. */
async function wake(lane: Lane, victim: ControllerProcess, tap: EffectTap, rehearsed: Rehearsed, mayFail: boolean, url: string): Promise<string[]> {
  tap.effects.length = 0;
  victim.kill('SIGCONT');
  await delay(1_000);
  const wrong = tap.effects.map((e) => `the controller that was taken over has changed something: ${e}`);
  const job = (await lane.quiet(url)).at(-1);
  if (job?.executor !== 'successor') wrong.push(`the job is now said to be of ${job?.executor ?? 'nobody'}`);
  return [...wrong, ...(await judge(lane, rehearsed, mayFail, url, job))];
}

/** Steps that were begun and not recorded. */
function openSteps(crossed: ControllerProcess['boundaries']): string[] {
  const begun = crossed.filter((b) => b.boundary === 'before').map((b) => b.step);
  const recorded = new Set(crossed.filter((b) => b.boundary === 'after-record').map((b) => b.step));
  return begun.filter((step) => !recorded.has(step)).map(withoutItem);
}

async function judge(lane: Lane, { before, after, job: undisturbed }: Rehearsed, mayFail: boolean, url: string, job: JobRow | undefined): Promise<string[]> {
  const asUndisturbed = job?.state === undisturbed.state && job.error?.code === undisturbed.error?.code;
  const failedAsDocumented = job?.state === 'failed' && mayFail;
  if (!asUndisturbed && !failedAsDocumented) return [`the job ended as ${job?.state ?? 'nothing'} (${job?.error?.code ?? ''} ${job?.error?.message ?? ''}), not as ${undisturbed.state}`];
  const expected = asUndisturbed ? after : before;
  let found: Rest = { sites: [], catalogue: [] };
  // What the sites do by themselves (a volume that is being deleted) may take a moment more.
  const settled = await until('', async () => {
    found = await rest(lane, url);
    return differences(expected.sites, found.sites).length === 0 ? true : undefined;
  }, 2_000).catch(() => false);
  const wrong = settled ? [] : differences(expected.sites, found.sites).map((d) => `at the sites: ${d}`);
  // Of a point that failed by the crash, the catalogue tells; and it must not be half good.
  const catalogued = asUndisturbed ? differences(expected.catalogue, found.catalogue) : differences(expected.catalogue, found.catalogue).filter((d) => !/^[+-] \{.*"kind":"(group|point|freeze window)"/.test(d) || /"state":"(Pending|Deleting)"|"open":true/.test(d) || /^- .*"kind":"point"/.test(d));
  const { emulator } = lane.sites;
  const running = siteRows(emulator).filter((r) => r['kind'] === 'server' && r['frozenSince'] !== undefined);
  return [...wrong, ...catalogued.map((d) => `in the catalogue: ${d}`), ...running.flatMap((server) => guestInconsistencies(emulator, server))];
}

async function rest(lane: Lane, url: string): Promise<Rest> {
  return { sites: siteInventory(lane.sites.emulator), catalogue: await catalogue(lane.database, url) };
}

async function cancelling(lane: Lane, scenario: Scenario): Promise<{ cancelAt?: { step: string; token: string } }> {
  if (scenario.cancelAt === undefined) return {};
  return { cancelAt: { step: scenario.cancelAt, token: (await (await lane.sites.cloud('site2')).session.token()).id } };
}

export function stageOf(lane: Lane, controller: ControllerProcess, url: string): Stage {
  const ended: Stage['ended'] = (jobId) => until(`job ${jobId} has ended`, async () => {
    const job = (await lane.quiet(url)).find((j) => j.id === jobId);
    return job && { state: job.state, ...(job.error && { error: job.error }) };
  }, 60_000);
  return {
    sites: lane.sites,
    api: lane.api(controller),
    ended,
    succeeds: async (jobId) => {
      const end = await ended(jobId);
      if (end.state !== 'succeeded') throw new Error(`job ${jobId} ended as ${end.state}: ${JSON.stringify(end.error)}\n${controller.log.join('').slice(-3_000)}`);
    },
  };
}
