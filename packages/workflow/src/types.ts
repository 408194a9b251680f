/** How an error should be treated: retried with back-off, waited for, or given up at once. Read from `err.kind`; others are retryable. */
export type ErrorKind = 'terminal' | 'retryable' | 'waiting';

export type JobState = 'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** An error as kept with a job or a step. Never holds secrets. */
export interface JobError {
  readonly code: string;
  readonly message: string;
  readonly kind: ErrorKind;
  readonly details?: Json;
}

/** A progress report, replaced by the next of the same `item`. */
export interface Progress {
  /** What is being done, in the field's words: `quiescing`, `RestoringVolumes` … */
  readonly phase: string;
  /** Which of several things done side by side (a volume's name, say). */
  readonly item?: string;
  /** Units done and in all (bytes, percent, members …); left out where unknown. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'percent' | 'bytes' | 'members' | 'volumes' | 'steps';
  readonly message?: string;
}

export interface JobEvent {
  /** Grows over all jobs; use as the SSE event id. */
  readonly seq: number;
  readonly jobId: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly type: 'state' | 'step' | 'progress' | 'log';
  readonly step?: string;
  readonly data: Json;
}

export interface Job {
  readonly id: string;
  readonly workflow: string;
  /** Single-writer key: no two jobs of one key run at once. */
  readonly key: string;
  readonly state: JobState;
  readonly input: Json;
  readonly result?: Json;
  readonly error?: JobError;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly progress: readonly Progress[];
  readonly steps: readonly JobStep[];
}

export interface JobStep {
  readonly name: string;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly attempts: number;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly error?: JobError;
}

export interface StepContext {
  readonly jobId: string;
  /** 1 for the first try of this process; a step may also be run again after a crash. */
  readonly attempt: number;
  /** It was tried before, by this process or an earlier one: what that left half done may be there. */
  readonly triedBefore?: boolean;
  /** Aborted when the job is cancelled or the engine stops. Long steps must heed it. */
  readonly signal: AbortSignal;
  progress(p: Progress): void;
  log(message: string, data?: Json): void;
}

export interface StepOptions {
  /** Tries in all for retryable errors; 1 = none. Default 5, back-off 1 s doubling to 30 s. */
  readonly attempts?: number;
  readonly backoffMs?: number;
  /**
   * Undoes the step. Run in reverse order as steps of their own when the workflow fails or is cancelled after this step was
   * begun; so it must cope with the step having been done, half done, or not at all. `undefined`: the step has no recorded result.
   */
  readonly compensate?: (result: unknown, s: StepContext) => Promise<void>;
  /** Once begun, a cancel waits until this step has ended (the freeze window, say). */
  readonly uncancellable?: boolean;
}

export interface AllOptions<I> extends Omit<StepOptions, 'compensate'> {
  /** At most so many at once; all at once by default. */
  readonly limit?: number;
  /** As of a step, with the item that it is about. */
  readonly compensate?: (result: unknown, s: StepContext, item: I) => Promise<void>;
}

export interface WorkflowContext {
  readonly jobId: string;
  /** A durable step: its result is recorded and a recorded step is never redone. A step may be run twice (promise 5). */
  step<T>(name: string, run: (s: StepContext) => Promise<T>, options?: StepOptions): Promise<T>;
  /** One step an item, side by side (at most `limit` at once); waits for all, then throws the first error, in item order. Names are `${name}[${key(item)}]`. */
  all<I, T>(name: string, items: readonly I[], key: (item: I) => string, run: (item: I, s: StepContext) => Promise<T>, options?: AllOptions<I>): Promise<T[]>;
  /** Durable: a restart goes on waiting for what is left. */
  sleep(name: string, ms: number): Promise<void>;
  /** The time of a step, recorded: the same after a restart. */
  now(name: string): Promise<Date>;
}

export interface WorkflowDefinition<I, O> {
  readonly name: string;
  /** Runs the stages. Everything not deterministic goes through ctx. */
  readonly run: (ctx: WorkflowContext, input: I) => Promise<O>;
}

export interface SubmitOptions {
  /** Deterministic id: submitting it twice gives the same job. Default: a new uuid. */
  readonly jobId?: string;
  /** Single-writer key, e.g. `group/<id>`. */
  readonly key: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Where a crash can happen in a step: tests stop the process there. Before its first try; when it has its outcome (a final error
 * too); when that is recorded. A replay of a recorded step passes none of them.
 */
export type Boundary = 'before' | 'after-effect' | 'after-record';

export interface EngineOptions {
  /** postgres URL; of an embedded server (startEmbeddedPostgres) its `databaseUrl`. */
  readonly databaseUrl: string;
  /** Of the workflows' code. Running controllers of one version share their jobs; jobs of a version that no controller runs are adopted. */
  readonly applicationVersion: string;
  /**
   * Unique among the controllers of a database. Best the same for each start of one controller (its host's name, say): its
   * unfinished jobs are then resumed at once; otherwise after deadAfterMs, by any controller.
   */
  readonly executorId: string;
  /** Default 1000. */
  readonly heartbeatMs?: number;
  /** Default 6000: a controller that has not given a sign of life for so long loses its jobs to the others. */
  readonly deadAfterMs?: number;
  /** How often the queue is looked at: the delay before a job begins. Default 200. */
  readonly queuePollMs?: number;
  /** Multiplies the pauses between two tries of a step. Default 1; tests hurry them. */
  readonly retryPace?: number;
  readonly onBoundary?: (at: { jobId: string; workflow: string; step: string; boundary: Boundary }) => Promise<void> | void;
  readonly log?: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: Json) => void;
}

export interface WorkflowHandle<I, O> {
  readonly name: string;
  submit(input: I, options: SubmitOptions): Promise<string>;
  /** Waits for the end; throws the job's error. */
  result(jobId: string, options?: { timeoutMs?: number }): Promise<O>;
}

export interface Engine {
  /** Before start() only. */
  define<I, O>(definition: WorkflowDefinition<I, O>): WorkflowHandle<I, O>;
  /** Names of what was defined, in that order: so that a test can see that it covers all. */
  workflows(): readonly string[];
  start(): Promise<void>;
  /** Lets running steps end (up to graceMs), then leaves; unfinished jobs go on at the next start. */
  stop(graceMs?: number): Promise<void>;
  readonly jobs: JobStore;
}

export interface JobStore {
  get(id: string): Promise<Job | undefined>;
  list(filter?: { labels?: Readonly<Record<string, string>>; state?: readonly JobState[]; workflow?: string; limit?: number; before?: string }): Promise<Job[]>;
  /** Cooperative: aborts the step's signal, runs the compensations, ends as `cancelled`. A finished job: no effect, returns false. */
  cancel(id: string): Promise<boolean>;
  events(filter: { jobId?: string; labels?: Readonly<Record<string, string>>; after?: number; limit?: number }): Promise<JobEvent[]>;
  /** Live events (of any controller on the database), from `after` on (0: from the first; left out: from now), until the signal is aborted. */
  watch(filter: { jobId?: string; labels?: Readonly<Record<string, string>>; after?: number }, signal: AbortSignal): AsyncIterable<JobEvent>;
  /** Retention: forgets jobs that ended before that time, with their steps and events. Returns how many. */
  prune(options: { readonly endedBefore: Date; readonly limit?: number }): Promise<number>;
}
