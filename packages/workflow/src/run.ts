import { endsRun, isChangedCode, ownershipLost, recorded } from './dbos.ts';
import { toJobError, WorkflowError } from './errors.ts';
import type { Journal } from './journal.ts';
import { never } from './never.ts';
import { type Lease, takenOver } from './lease.ts';
import { Limit } from './limit.ts';
import { performStep } from './step.ts';
import type { Outcome, StepPlan } from './step.ts';
import { StepLife } from './step-life.ts';
import type { Boundary, JobError, JobStep, Json, StepContext, StepOptions, WorkflowContext, WorkflowDefinition } from './types.ts';

/** What a run needs of its engine. */
export interface RunHost {
  readonly executorId: string;
  /** The engine is stopping: begin nothing more. */
  readonly stopping: boolean;
  readonly retryPace: number;
  readonly lease: Lease;
  readonly onBoundary: (at: { jobId: string; workflow: string; step: string; boundary: Boundary }) => Promise<void> | void;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: Json) => void;
}

interface Undo {
  readonly ordinal: number;
  readonly name: string;
  readonly run: (s: StepContext) => Promise<void>;
}

/** One life of a job in this process: the workflow's code, replayed over the journal and then continued. */
export class Run implements WorkflowContext {
  readonly jobId: string;
  readonly owner: string;
  readonly #workflow: string;
  readonly #journal: Journal;
  readonly #host: RunHost;
  readonly #active = new Map<StepLife, Promise<unknown>>();
  readonly #undo: Undo[] = [];
  #earlier = new Map<number, JobStep['state']>();
  #next = 0;
  #lost = false;
  #cancelRequested = false;
  /** A step has taken note of the cancel: from here on it is in the journal. */
  #cancelled = false;

  constructor(workflow: string, journal: Journal, host: RunHost) {
    this.jobId = journal.jobId;
    this.owner = journal.owner;
    this.#workflow = workflow;
    this.#journal = journal;
    this.#host = host;
  }

  async execute<I, O>(definition: WorkflowDefinition<I, O>): Promise<void> {
    if (this.#host.stopping) await never();
    const job = await this.#journal.begin(this.#host.executorId);
    if (job === undefined) return;
    this.#earlier = job.steps;
    if (job.state === 'cancelling') this.#cancelRequested = true;
    let failure: { error: unknown } | undefined;
    let result: O | undefined;
    try {
      result = await definition.run(this, job.input as I);
    } catch (error) {
      failure = { error };
    }
    // A failed step's neighbours may still be at work: what they do must be known before it is undone.
    while (this.#active.size > 0) await Promise.allSettled(this.#active.values());
    if (this.#lost) throw ownershipLost(this.jobId);
    if (failure !== undefined && endsRun(failure.error)) throw failure.error;
    if (failure === undefined && !this.#cancelled) {
      if (await this.#journal.finish({ state: 'succeeded', result })) return;
      this.#cancelled = true;
    }
    const undone = await this.#compensate();
    const error: JobError = this.#cancelled || failure === undefined ? cancelledError(this.jobId) : toJobError(failure.error);
    await this.#journal.finish({ state: this.#cancelled ? 'cancelled' : 'failed', error: withUndone(error, undone) });
  }

  /** Somebody wants the job cancelled: steps that may be interrupted are. */
  requestCancel(): void {
    this.#cancelRequested = true;
    for (const life of this.#active.keys()) life.cancel(new WorkflowError(cancelledError(this.jobId)));
  }

  /** Another controller has the job. What runs is told to stop; nothing of it is recorded any more. */
  lose(): void {
    this.#lost = true;
    for (const life of this.#active.keys()) life.end('lost', takenOver(this.jobId));
  }

  /** Work that should be let end before the engine stops. */
  busy(): Promise<unknown>[] {
    return [...this.#active].filter(([life]) => life.working).map(([, done]) => done);
  }

  /** The engine leaves: what is still running is told to stop and is not recorded. */
  halt(): void {
    for (const life of this.#active.keys()) life.end('halted', new WorkflowError({ code: 'GW_ENGINE_STOPPING', kind: 'retryable', message: 'The controller is stopping; the job goes on at the next start.' }));
  }

  step<T>(name: string, run: (s: StepContext) => Promise<T>, options: StepOptions = {}): Promise<T> {
    return this.#begin({ name, run, options, undo: options.compensate });
  }

  async all<I, T>(
    name: string, items: readonly I[], key: (item: I) => string, run: (item: I, s: StepContext) => Promise<T>,
    options: Parameters<WorkflowContext['all']>[4] = {},
  ): Promise<T[]> {
    const names = items.map((item) => `${name}[${key(item)}]`);
    const twice = names.find((n, i) => names.indexOf(n) !== i);
    if (twice !== undefined) throw new WorkflowError({ code: 'GW_WORKFLOW_STEP', kind: 'terminal', message: `Two items of one stage have the name ${twice}.` });
    const limit = new Limit(options.limit ?? Infinity);
    const compensate = options.compensate;
    // All are begun now, in order, so that each has the same place in the journal after a restart; the limit holds them back inside, and lets
    // them go in this order, whichever of them the database answers first.
    const ends = await Promise.allSettled(items.map((item, i) => this.#begin({
      name: names[i] ?? name, options, place: limit.take(), run: (s) => run(item, s),
      undo: compensate === undefined ? undefined : (result, s) => compensate(result, s, item),
    })));
    return ends.map((end) => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
  }

  async sleep(name: string, ms: number): Promise<void> {
    const until = await this.#begin({ name: `${name}:until`, hidden: true, options: {}, run: () => Promise.resolve(Date.now() + ms) });
    await this.#begin({ name, idle: true, options: {}, run: (s) => waitUntil(until, s.signal) });
  }

  now(name: string): Promise<Date> {
    return this.#begin({ name, hidden: true, options: {}, run: () => Promise.resolve(new Date()) });
  }

  async #compensate(): Promise<{ step: string; error: JobError }[]> {
    const failed: { step: string; error: JobError }[] = [];
    for (const { name, run } of this.#undo.sort((a, b) => b.ordinal - a.ordinal)) {
      try {
        await this.#begin({ name: `undo ${name}`, isUndo: true, options: {}, run });
      } catch (e) {
        if (this.#lost || endsRun(e)) throw e;
        failed.push({ step: name, error: toJobError(e) });
      }
    }
    return failed;
  }

  /** Takes the step's place in the journal at once (before anything is awaited), so that places depend on the order of calls only. */
  #begin<T>(plan: StepPlan<T> & { readonly undo?: ((result: T | undefined, s: StepContext) => Promise<void>) | undefined }): Promise<T> {
    const ordinal = this.#next++;
    const life = new StepLife(plan.idle !== true);
    let performed = false;
    const outcome = recorded(plan.name, () => {
      performed = true;
      return performStep(plan, ordinal, life, {
        journal: this.#journal, workflow: this.#workflow, host: this.#host, cancelRequested: () => this.#cancelRequested, lost: () => this.#lost,
      });
    });
    const done = this.#conclude(plan, ordinal, outcome, () => performed);
    const forget = (): void => {
      // One that was recorded before has not needed its place.
      plan.place?.leave();
      this.#active.delete(life);
    };
    this.#active.set(life, done.then(forget, forget));
    return done;
  }

  async #conclude<T>(
    plan: StepPlan<T> & { readonly undo?: ((result: T | undefined, s: StepContext) => Promise<void>) | undefined },
    ordinal: number, pending: Promise<Outcome<T>>, performed: () => boolean,
  ): Promise<T> {
    let outcome: Outcome<T>;
    try {
      outcome = await pending;
    } catch (e) {
      if (endsRun(e)) this.#lost = true;
      if (!isChangedCode(e)) throw e;
      throw new WorkflowError({ code: 'GW_WORKFLOW_CHANGED', kind: 'terminal', message: `The journal of job ${this.jobId} does not fit the code of "${this.#workflow}" at step "${plan.name}": it was begun by another version of Godwit.` }, { cause: e });
    }
    if (performed()) await this.#host.onBoundary({ jobId: this.jobId, workflow: this.#workflow, step: plan.name, boundary: 'after-record' });
    const error = 'error' in outcome ? outcome.error : 'cancelled' in outcome ? cancelledError(this.jobId) : undefined;
    // After a crash between the engine's record and ours, the step still shows as running: put right on the way past it.
    if (plan.hidden !== true && (performed() || this.#earlier.get(ordinal) === 'running')) {
      await this.#journal.endStep(ordinal, plan.name, error === undefined ? 'succeeded' : 'failed', error);
    }
    const undo = plan.undo;
    if (undo !== undefined && outcome.begun) {
      const result = 'value' in outcome ? outcome.value : undefined;
      this.#undo.push({ ordinal, name: plan.name, run: (s) => undo(result, s) });
    }
    if ('cancelled' in outcome) this.#cancelled = true;
    if (error !== undefined) throw new WorkflowError(error);
    return (outcome as { value: T }).value;
  }
}

function cancelledError(jobId: string): JobError {
  return { code: 'GW_JOB_CANCELLED', kind: 'terminal', message: `Job ${jobId} was cancelled.` };
}

function withUndone(error: JobError, failed: readonly { step: string; error: JobError }[]): JobError {
  if (failed.length === 0) return error;
  const undone = failed.map((f) => ({ step: f.step, code: f.error.code, message: f.error.message }));
  const details = typeof error.details === 'object' && error.details !== null && !Array.isArray(error.details) ? error.details : error.details === undefined ? {} : { cause: error.details };
  return { ...error, details: { ...details, notUndone: undone } };
}

async function waitUntil(at: number, signal: AbortSignal): Promise<void> {
  // Timers take 2^31 ms at most, and a clock that is set may make them early.
  for (let left = at - Date.now(); left > 0; left = at - Date.now()) {
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => { clearTimeout(timer); reject(signal.reason as Error); };
      const timer = setTimeout(() => { signal.removeEventListener('abort', onAbort); resolve(); }, Math.min(left, 3_600_000));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
