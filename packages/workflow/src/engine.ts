import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { databaseError, ofTheDriver } from './database-error.ts';
import { json, openDb, openPool, persistently } from './db.ts';
import type { Db } from './db.ts';
import { enqueue, launch, registerWorkflow, requeue, shutdown, stopTaking } from './dbos.ts';
import { toJson, WorkflowError } from './errors.ts';
import { isEnded, SqlJobStore } from './jobs.ts';
import { Journal } from './journal.ts';
import { Lease } from './lease.ts';
import { Membership } from './membership.ts';
import { migrate } from './migrations.ts';
import { never } from './never.ts';
import { Notifications } from './notifications.ts';
import { Run } from './run.ts';
import type { RunHost } from './run.ts';
import { adoptOtherVersions, Supervisor } from './supervisor.ts';
import type { Engine, EngineOptions, JobStore, SubmitOptions, WorkflowDefinition, WorkflowHandle } from './types.ts';

const ALREADY = 'An engine runs in this process already: DBOS holds its state in globals. Stop that one first.';
let running: DbosEngine | undefined;

/** One at a time per process. Nothing is connected before start(). */
export function createEngine(options: EngineOptions): Engine {
  return new DbosEngine(options);
}

class DbosEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #definitions = new Map<string, WorkflowDefinition<unknown, unknown>>();
  readonly #runs = new Map<string, Run>();
  readonly #log: NonNullable<EngineOptions['log']>;
  readonly #halt = new AbortController();
  readonly #notifications: Notifications;
  readonly #db: Db;
  readonly #membership: Membership;
  readonly #supervisor: Supervisor;
  readonly #host: RunHost;
  readonly jobs: JobStore;
  readonly #migrate: () => Promise<void>;
  #state: 'new' | 'running' | 'stopping' | 'stopped' = 'new';

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#log = options.log ?? (() => undefined);
    if (!URL.canParse(options.databaseUrl)) throw new WorkflowError({ code: 'GW_DATABASE', kind: 'terminal', message: 'The database URL is not one: postgresql://user:password@host:5432/database is wanted.' });
    const pool = openPool(options.databaseUrl, 4, (e) => { this.#log('warn', `a database connection was lost: ${e.message}`); });
    this.#db = openDb(pool);
    this.#migrate = () => migrate(pool);
    this.#notifications = new Notifications(options.databaseUrl, (message) => { this.#log('warn', message); });
    this.jobs = new SqlJobStore(this.#db, this.#notifications);
    const deadAfterMs = options.deadAfterMs ?? 6_000;
    this.#membership = new Membership(this.#db, {
      executorId: options.executorId, applicationVersion: options.applicationVersion, deadAfterMs,
    });
    const lease = new Lease(deadAfterMs);
    this.#supervisor = new Supervisor({
      lease, db: this.#db, membership: this.#membership, runs: this.#runs, heartbeatMs: options.heartbeatMs ?? 1_000,
      applicationVersion: options.applicationVersion, log: this.#log, enqueue, requeue,
      onSuperseded: () => { void this.#superseded(); },
    });
    const engine = this;
    this.#host = {
      executorId: options.executorId,
      get stopping() { return engine.#state !== 'running'; },
      retryPace: options.retryPace ?? 1,
      lease,
      onBoundary: options.onBoundary ?? (() => undefined),
      log: this.#log,
    };
  }

  define<I, O>(definition: WorkflowDefinition<I, O>): WorkflowHandle<I, O> {
    if (this.#state !== 'new') throw new WorkflowError({ code: 'GW_ENGINE_STATE', kind: 'terminal', message: `Workflow "${definition.name}" is defined after the engine's start.` });
    if (this.#definitions.has(definition.name)) throw new WorkflowError({ code: 'GW_ENGINE_STATE', kind: 'terminal', message: `Workflow "${definition.name}" is defined twice.` });
    this.#definitions.set(definition.name, definition as WorkflowDefinition<unknown, unknown>);
    return {
      name: definition.name,
      submit: (input, options) => this.#submit(definition.name, input, options),
      result: (jobId, options) => this.#result(jobId, options?.timeoutMs) as Promise<O>,
    };
  }

  workflows(): readonly string[] {
    return [...this.#definitions.keys()];
  }

  async start(): Promise<void> {
    if (this.#state !== 'new' || running !== undefined) throw new WorkflowError({ code: 'GW_ENGINE_STATE', kind: 'terminal', message: this.#state === 'new' ? ALREADY : 'This engine was started before: create another.' });
    running = this;
    try {
      await this.#migrate().catch((e: unknown) => { throw databaseError(e, this.#options.databaseUrl); });
      await this.#notifications.start();
      this.#notifications.subscribe((notice) => {
        if (notice?.state === 'cancelling') this.#runs.get(notice.job)?.requestCancel();
      });
      for (const definition of this.#definitions.values()) registerWorkflow(definition.name, (jobId, owner) => this.#run(definition, jobId, owner));
      // Before the first job can be taken: an executor without a row counts as gone.
      await this.#membership.join();
      await adoptOtherVersions(this.#db, this.#options.applicationVersion, this.#log);
      this.#state = 'running';
      await launch({
        databaseUrl: this.#options.databaseUrl, applicationVersion: this.#options.applicationVersion, executorId: this.#options.executorId,
        queuePollMs: this.#options.queuePollMs ?? 200, log: this.#log,
      });
      this.#supervisor.start();
    } catch (e) {
      await this.stop(0);
      // It may have gone away at any moment of the start.
      throw ofTheDriver(e) === undefined ? e : databaseError(e, this.#options.databaseUrl);
    }
  }

  async stop(graceMs = 5_000): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'stopping') return;
    const wasRunning = running === this;
    this.#state = 'stopping';
    if (wasRunning) {
      await stopTaking().catch(() => undefined);
      const busy = (): Promise<unknown>[] => [...this.#runs.values()].flatMap((run) => run.busy());
      for (const until = Date.now() + graceMs; busy().length > 0 && Date.now() < until;) {
        await Promise.race([Promise.allSettled(busy()), delay(until - Date.now(), undefined, { ref: false })]);
      }
      const left = busy().length;
      for (const run of this.#runs.values()) run.halt();
      await this.#supervisor.stop();
      this.#halt.abort();
      // Only when nothing is at work any more may another controller go on with the jobs at once.
      if (left === 0) await requeue([this.#options.executorId]).then(() => this.#membership.leave()).catch(() => undefined);
      await shutdown().catch((e: unknown) => { this.#log('warn', `while stopping: ${(e as Error).message}`); });
    }
    await this.#notifications.stop();
    await this.#db.destroy().catch(() => undefined);
    this.#state = 'stopped';
    if (wasRunning) running = undefined;
  }

  async #run(definition: WorkflowDefinition<unknown, unknown>, jobId: string, owner: string): Promise<void> {
    if (this.#state !== 'running') await never();
    const journal = new Journal(this.#db, jobId, owner, this.#halt.signal, (e) => { this.#log('warn', `the database is away, waiting: ${e.message}`); });
    const run = new Run(definition.name, journal, this.#host);
    // An earlier run of the same job in this process has been taken from us and back.
    this.#runs.get(jobId)?.lose();
    this.#runs.set(jobId, run);
    try {
      await run.execute(definition);
    } finally {
      if (this.#runs.get(jobId) === run) this.#runs.delete(jobId);
    }
  }

  async #submit(workflow: string, input: unknown, options: SubmitOptions): Promise<string> {
    if (this.#state !== 'running') throw new WorkflowError({ code: 'GW_ENGINE_STATE', kind: 'retryable', message: 'The controller does not take jobs now: it is not running.' });
    const id = options.jobId ?? randomUUID();
    const stored = toJson(input ?? null);
    if (options.key === '') throw new WorkflowError({ code: 'GW_JOB_INPUT', kind: 'terminal', message: `A job of "${workflow}" has an empty key: any two of one key exclude each other.` });
    if (stored === undefined) throw new WorkflowError({ code: 'GW_JOB_INPUT', kind: 'terminal', message: `The input of a job of "${workflow}" cannot be kept as JSON.` });
    const added = await this.#persistently(() => sql`
      WITH job AS (
        INSERT INTO godwit_jobs (id, workflow, key, input, labels) VALUES (${id}, ${workflow}, ${options.key}, ${json(stored)}::json, ${JSON.stringify(options.labels ?? {})}::jsonb)
        ON CONFLICT (id) DO NOTHING RETURNING id)
      SELECT godwit_append_event(id, 'state', NULL, '{"state":"queued"}'::json) FROM job`.execute(this.#db));
    if (added.rows.length === 0) {
      const old = await this.#db.selectFrom('godwit_jobs').select(['workflow', 'ended_at']).where('id', '=', id).executeTakeFirst();
      if (old !== undefined && old.workflow !== workflow) {
        throw new WorkflowError({ code: 'GW_JOB_ID', kind: 'terminal', message: `Job ${id} exists already, and is one of "${old.workflow}", not of "${workflow}".` });
      }
      if (old === undefined || old.ended_at !== null) return id;
    }
    // Should we die here, the supervisor of any controller finds a queued job that is on no queue.
    await enqueue(workflow, id, options.key);
    return id;
  }

  async #result(jobId: string, timeoutMs: number | undefined): Promise<unknown> {
    const until = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs;
    let wake: () => void = () => undefined;
    let news = false;
    const unsubscribe = this.#notifications.subscribe((notice) => {
      if (notice === undefined || (notice.job === jobId && notice.type === 'state')) { news = true; wake(); }
    });
    try {
      for (;;) {
        news = false;
        const job = await this.#persistently(() => this.#db.selectFrom('godwit_jobs').select(['state', 'result', 'error']).where('id', '=', jobId).executeTakeFirst());
        if (job === undefined) throw new WorkflowError({ code: 'GW_JOB_NOT_FOUND', kind: 'terminal', message: `There is no job ${jobId}.` });
        if (job.state === 'succeeded') return job.result ?? undefined;
        if (isEnded(job.state)) throw new WorkflowError(job.error ?? { code: 'GW_JOB_CANCELLED', kind: 'terminal', message: `Job ${jobId} was cancelled.` });
        const left = until - Date.now();
        if (left <= 0) throw new WorkflowError({ code: 'GW_JOB_TIMEOUT', kind: 'waiting', message: `Job ${jobId} has not ended within ${timeoutMs ?? 0} ms; it goes on.` });
        await new Promise<void>((resolve) => {
          if (news) return resolve();
          const timer = setTimeout(resolve, Math.min(left, 1_000));
          wake = () => { clearTimeout(timer); resolve(); };
        });
      }
    } finally {
      unsubscribe();
    }
  }

  #persistently<T>(operation: () => Promise<T>): Promise<T> {
    return persistently(operation, this.#halt.signal, (e) => { this.#log('warn', `the database is away, waiting: ${e.message}`); });
  }

  /** Another process was started under our id (while we hung, say): it has our jobs. */
  async #superseded(): Promise<void> {
    this.#log('error', `another controller runs as "${this.#options.executorId}": this one stops working on jobs`);
    for (const run of this.#runs.values()) run.lose();
    await this.stop(0);
  }
}

