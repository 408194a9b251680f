import { isDatabaseAway } from './db.ts';
import { ownershipLost } from './dbos.ts';
import { toJobError } from './errors.ts';
import type { Journal } from './journal.ts';
import { withScope } from './lease.ts';
import type { Place } from './limit.ts';
import { never } from './never.ts';
import { Reports } from './reports.ts';
import type { RunHost } from './run.ts';
import type { StepLife } from './step-life.ts';
import type { JobError, StepContext, StepOptions } from './types.ts';

/**
 * What the journal keeps of a step. Errors are values in it, in our own shape: the engine's serializer keeps a thrown error's
 * message, but not what its class had beside it. A cancel is an outcome too, so that a replay turns at the same step.
 */
export type Outcome<T> =
  | { readonly begun: true; readonly value: T }
  | { readonly begun: true; readonly error: JobError }
  | { readonly begun: boolean; readonly cancelled: true };

export interface StepPlan<T> {
  readonly name: string;
  readonly run: (s: StepContext) => Promise<T>;
  readonly options: Omit<StepOptions, 'compensate'>;
  /** Its place among those that run side by side; taken in the order of the items. */
  readonly place?: Place | undefined;
  /** Not shown among the job's steps. */
  readonly hidden?: boolean;
  /** A wait: nothing is lost when it is left. */
  readonly idle?: boolean;
  /** A compensation: a cancel does not touch it. */
  readonly isUndo?: boolean;
}

export interface StepSurroundings {
  readonly journal: Journal;
  readonly workflow: string;
  readonly host: RunHost;
  readonly cancelRequested: () => boolean;
  readonly lost: () => boolean;
}

const ATTEMPTS = 5;
const BACKOFF_MS = 1_000;
const BACKOFF_LIMIT_MS = 30_000;

/** Runs a step to its outcome: asks whether it may, tries, waits, tries again. Rejects only with what ends the whole run. */
export async function performStep<T>(plan: StepPlan<T>, ordinal: number, life: StepLife, around: StepSurroundings): Promise<Outcome<T>> {
  await plan.place?.turn;
  try {
    return await perform(plan, ordinal, life, around);
  } finally {
    plan.place?.leave();
  }
}

async function perform<T>(plan: StepPlan<T>, ordinal: number, life: StepLife, around: StepSurroundings): Promise<Outcome<T>> {
  const { journal, host } = around;
  const uncancellable = plan.isUndo === true || plan.options.uncancellable === true;
  const mayGoOn = async (): Promise<void> => {
    if (life.ended === 'lost' || around.lost()) throw ownershipLost(journal.jobId);
    if (life.ended === 'halted' || host.stopping) await never();
  };
  await mayGoOn();
  const gate = await journal.gate(ordinal);
  const begunBefore = gate.attempts > 0;
  const cancelWanted = (): boolean => plan.isUndo !== true && (gate.cancelRequested || around.cancelRequested());
  if (cancelWanted() && !(uncancellable && begunBefore)) return { begun: begunBefore, cancelled: true };
  await mayGoOn();
  life.begin(!uncancellable);
  // One that came before begin() could not interrupt anything yet.
  if (cancelWanted() && !uncancellable) return { begun: begunBefore, cancelled: true };

  const at = { jobId: journal.jobId, workflow: around.workflow, step: plan.name };
  await host.onBoundary({ ...at, boundary: 'before' });
  const limit = plan.options.attempts ?? ATTEMPTS;
  const firstWaitMs = plan.options.backoffMs ?? BACKOFF_MS;
  let counted = 0;
  let waitMs = firstWaitMs;
  let announced = '';
  for (let attempt = 1; ; attempt++) {
    if (plan.hidden !== true) await journal.attempt(ordinal, plan.name, gate.attempts + attempt, attempt === 1);
    const reports = new Reports(journal, plan.name, (e) => { host.log('warn', `a report of job ${journal.jobId} is not kept: ${(e as Error).message}`); });
    const context: StepContext = {
      jobId: journal.jobId, attempt, triedBefore: begunBefore || attempt > 1, signal: life.signal,
      progress: (p) => { reports.progress(p); },
      log: (message, data) => { reports.log(message, data); },
    };
    const end = await Promise.race([withScope({ jobId: journal.jobId, lease: host.lease, life, lost: around.lost }, () => attemptOnce(plan, context)), life.whenEnded]);
    if (end === undefined || life.ended !== undefined) await mayGoOn();
    await reports.close();
    const concluded = async (outcome: Outcome<T>): Promise<Outcome<T>> => {
      await host.onBoundary({ ...at, boundary: 'after-effect' });
      return outcome;
    };
    if (end !== undefined && 'value' in end) return concluded({ begun: true, value: end.value });
    const error = end?.error ?? toJobError(undefined);
    const giveUp = (): boolean => cancelWanted() && (!uncancellable || error.kind === 'waiting');
    if (giveUp()) return { begun: true, cancelled: true };
    if (error.kind === 'terminal' || (error.kind === 'retryable' && ++counted >= limit)) return concluded({ begun: true, error });
    // A wait may last hours and says the same each time: an event is made only when it says something new.
    const text = `${error.kind} ${error.code} ${error.message}`;
    if (plan.hidden !== true) await journal.attemptFailed(ordinal, plan.name, error, waitMs, error.kind === 'retryable' || text !== announced);
    announced = text;
    if (!giveUp()) await life.rest(waitMs * host.retryPace);
    await mayGoOn();
    if (giveUp()) return { begun: true, cancelled: true };
    waitMs = Math.min(waitMs * 2, BACKOFF_LIMIT_MS);
  }
}

async function attemptOnce<T>(plan: StepPlan<T>, context: StepContext): Promise<{ value: T } | { error: JobError }> {
  try {
    return { value: await plan.run(context) };
  } catch (e) {
    // What a step keeps in the database of its own accord: however long that is away, the job goes on afterwards.
    if (isDatabaseAway(e)) return { error: { code: 'GW_DATABASE', kind: 'waiting', message: `the database is away: ${(e as Error).message}` } };
    return { error: toJobError(e) };
  }
}
