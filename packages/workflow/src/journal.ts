import { sql } from 'kysely';
import { json, persistently } from './db.ts';
import type { Db } from './db.ts';
import { DBOS_SCHEMA, ownershipLost } from './dbos.ts';
import { toJson } from './errors.ts';
import { never } from './never.ts';
import type { JobError, JobState, JobStep, Json, Progress } from './types.ts';

export interface Gate {
  readonly cancelRequested: boolean;
  /** Attempts of earlier lives of the controller: 0 = the step was never begun. */
  readonly attempts: number;
}

/**
 * What one run of a job writes about itself. Every statement is fenced: it does nothing unless this run still owns the job
 * (`owner_xid` of the engine's row, changed at each hand-over), so a controller that was taken for dead cannot write over
 * its successor's account. Then it throws what ends the run.
 */
export class Journal {
  readonly jobId: string;
  readonly #db: Db;
  /** The engine's token of this run. */
  readonly owner: string;
  readonly #signal: AbortSignal;
  readonly #onRetry: (e: Error) => void;

  constructor(db: Db, jobId: string, owner: string, signal: AbortSignal, onRetry: (e: Error) => void) {
    this.#db = db;
    this.jobId = jobId;
    this.owner = owner;
    this.#signal = signal;
    this.#onRetry = onRetry;
  }

  /** Marks the job as running here; `undefined`: it has ended before (or was cancelled while it was queued). */
  async begin(executor: string): Promise<{ input: Json; state: JobState; steps: Map<number, JobStep['state']> } | undefined> {
    const job = await this.#one(sql<{ input: Json; state: JobState; resumed: boolean }>`
      WITH old AS (SELECT id, state FROM godwit_jobs WHERE id = ${this.jobId} AND ended_at IS NULL AND ${this.#owned()} FOR UPDATE),
      job AS (
        UPDATE godwit_jobs j SET state = CASE j.state WHEN 'queued' THEN 'running' ELSE j.state END,
          started_at = coalesce(j.started_at, clock_timestamp()), executor = ${executor}
        FROM old WHERE j.id = old.id RETURNING j.id, j.input, j.state, old.state <> 'queued' AS resumed)
      SELECT input, state, resumed, godwit_append_event(id, 'state', NULL,
        json_build_object('state', state, 'executor', ${executor}::text, 'resumed', resumed)) FROM job`);
    if (job === undefined) {
      await this.#assertOwned();
      return undefined;
    }
    const rows = await this.#run(() => this.#db.selectFrom('godwit_job_steps').select(['ordinal', 'state']).where('job_id', '=', this.jobId).execute());
    return { input: job.input, state: job.state, steps: new Map(rows.map((r) => [r.ordinal, r.state])) };
  }

  /** Asked before a step is run. */
  async gate(ordinal: number): Promise<Gate> {
    const row = await this.#one(sql<{ cancelling: boolean; attempts: number }>`
      SELECT j.state = 'cancelling' AS cancelling, coalesce(s.attempts, 0) AS attempts
      FROM godwit_jobs j LEFT JOIN godwit_job_steps s ON s.job_id = j.id AND s.ordinal = ${ordinal}
      WHERE j.id = ${this.jobId} AND ${this.#owned()}`);
    if (row === undefined) throw ownershipLost(this.jobId);
    return { cancelRequested: row.cancelling, attempts: row.attempts };
  }

  /** Notes that an attempt of a step begins; `announce`: with an event. */
  async attempt(ordinal: number, name: string, attempts: number, announce: boolean): Promise<void> {
    await this.#must(sql`
      WITH step AS (
        INSERT INTO godwit_job_steps AS s (job_id, ordinal, name, state, attempts, started_at)
        SELECT ${this.jobId}, ${ordinal}, ${name}, 'running', ${attempts}, clock_timestamp() WHERE ${this.#owned()}
        ON CONFLICT (job_id, ordinal) DO UPDATE SET state = 'running', attempts = excluded.attempts, ended_at = NULL
        RETURNING job_id)
      SELECT CASE WHEN ${announce}::boolean THEN godwit_append_event(job_id, 'step', ${name},
        json_build_object('state', 'running', 'attempt', ${attempts}::int)) END AS seq FROM step`);
  }

  /** Notes an attempt that will be followed by another. */
  async attemptFailed(ordinal: number, name: string, error: JobError, retryInMs: number, announce: boolean): Promise<void> {
    await this.#must(sql`
      WITH step AS (UPDATE godwit_job_steps SET error = ${json(error)}::json WHERE job_id = ${this.jobId} AND ordinal = ${ordinal} AND ${this.#owned()} RETURNING job_id)
      SELECT CASE WHEN ${announce}::boolean THEN godwit_append_event(job_id, 'step', ${name},
        ${json({ state: error.kind === 'waiting' ? 'waiting' : 'retrying', error, retryInMs })}::json) END AS seq FROM step`);
  }

  async endStep(ordinal: number, name: string, state: 'succeeded' | 'failed', error: JobError | undefined): Promise<void> {
    await this.#must(sql`
      WITH step AS (
        UPDATE godwit_job_steps SET state = ${state}, ended_at = clock_timestamp(), error = ${error === undefined ? null : json(error)}::json
        WHERE job_id = ${this.jobId} AND ordinal = ${ordinal} AND ${this.#owned()} RETURNING job_id)
      SELECT godwit_append_event(job_id, 'step', ${name}, ${json({ state, ...(error === undefined ? {} : { error }) })}::json) AS seq FROM step`);
  }

  /** Not repeated while the database is away: the next report replaces it. */
  async progress(step: string, p: Progress): Promise<void> {
    const data = json(p);
    await sql`
      WITH progress AS (
        INSERT INTO godwit_job_progress AS p (job_id, item, data) SELECT ${this.jobId}, ${p.item ?? ''}, ${data}::json WHERE ${this.#owned()}
        ON CONFLICT (job_id, item) DO UPDATE SET data = excluded.data RETURNING job_id)
      SELECT godwit_append_event(job_id, 'progress', ${step}, ${data}::json) FROM progress`.execute(this.#db);
  }

  async log(step: string, message: string, data: Json | undefined): Promise<void> {
    const text = json({ message, ...(data === undefined ? {} : { data }) });
    await sql`SELECT godwit_append_event(${this.jobId}, 'log', ${step}, ${text}::json) WHERE ${this.#owned()}`.execute(this.#db);
  }

  /** Ends the job. False: a success that came after a cancel; the job is to be cancelled instead. */
  async finish(outcome: { state: 'succeeded'; result: unknown } | { state: 'failed' | 'cancelled'; error: JobError }): Promise<boolean> {
    const from = outcome.state === 'succeeded' ? sql`j.state = 'running'` : sql`j.state IN ('running', 'cancelling')`;
    const error = outcome.state === 'succeeded' ? undefined : outcome.error;
    const row = await this.#one(sql`
      WITH job AS (
        UPDATE godwit_jobs j SET state = ${outcome.state}, ended_at = clock_timestamp(), error = ${error === undefined ? null : json(error)}::json,
          result = ${outcome.state === 'succeeded' ? json(toJson(outcome.result)) : null}::json
        WHERE j.id = ${this.jobId} AND ${from} AND ${this.#owned()} RETURNING j.id)
      SELECT godwit_append_event(id, 'state', NULL, ${json({ state: outcome.state, ...(error === undefined ? {} : { error }) })}::json) AS seq FROM job`);
    if (row !== undefined) return true;
    await this.#assertOwned();
    const job = await this.#one(sql<{ state: JobState }>`SELECT state FROM godwit_jobs WHERE id = ${this.jobId}`);
    // A repetition after a lost reply finds it done.
    return job?.state !== 'cancelling';
  }

  #owned() {
    return sql`EXISTS (SELECT FROM ${sql.raw(DBOS_SCHEMA)}.workflow_status w WHERE w.workflow_uuid = ${this.jobId} AND w.owner_xid = ${this.owner})`;
  }

  async #assertOwned(): Promise<void> {
    if ((await this.#one(sql`SELECT 1 AS owned WHERE ${this.#owned()}`)) === undefined) throw ownershipLost(this.jobId);
  }

  async #must(query: ReturnType<typeof sql>): Promise<void> {
    if ((await this.#one(query)) === undefined) await this.#assertOwned();
  }

  async #one<T>(query: ReturnType<typeof sql<T>>): Promise<T | undefined> {
    return (await this.#run(() => query.execute(this.#db))).rows[0];
  }

  async #run<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await persistently(operation, this.#signal, this.#onRetry);
    } catch (e) {
      // The engine leaves, and its connections with it: that must not become the outcome of a step.
      if (this.#signal.aborted) return never();
      throw e;
    }
  }
}
