import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { json } from './db.ts';
import type { Db } from './db.ts';
import { DBOS_SCHEMA, QUEUE } from './dbos.ts';
import type { Lease } from './lease.ts';
import type { Membership } from './membership.ts';
import type { Json } from './types.ts';

export interface SupervisorOptions {
  readonly db: Db;
  readonly membership: Membership;
  readonly runs: ReadonlyMap<string, { readonly owner: string; requestCancel(): void; lose(): void }>;
  readonly heartbeatMs: number;
  readonly lease: Lease;
  readonly applicationVersion: string;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: Json) => void;
  readonly enqueue: (workflow: string, jobId: string, key: string) => Promise<void>;
  readonly requeue: (executorIds: string[]) => Promise<number>;
  readonly onSuperseded: () => void;
}

/** The slower half of the round is made every so many beats. */
const RECONCILE_EVERY = 5;

/** The loop that shows this controller alive, takes over the jobs of dead ones, and mends what a crash left between two tables. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #halt = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#halt.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { membership, log, lease } = this.#options;
    for (let round = 0; !this.#halt.signal.aborted; round++) {
      try {
        const renew = lease.begin();
        if (!(await membership.beat())) {
          // Not awaited: it stops this loop.
          this.#options.onSuperseded();
          return;
        }
        // Only now: a job that was taken from us is known to be lost before anything may be changed for it.
        await this.#lookAtRuns();
        renew();
        if (round % RECONCILE_EVERY === 0) await this.#reconcile();
        const dead = await membership.findDead();
        if (dead.length > 0) {
          const jobs = await this.#options.requeue(dead);
          log('warn', `took over ${jobs} jobs of dead controllers`, { executors: dead });
        }
      } catch (e) {
        membership.lookAnew();
        log('warn', `no sign of life could be given: ${(e as Error).message}`);
      }
      await delay(this.#options.heartbeatMs, undefined, { signal: this.#halt.signal, ref: false }).catch(() => undefined);
    }
  }

  /** Cancels whose notice was lost; and jobs that were taken from us while we hung, whose steps had better stop soon. */
  async #lookAtRuns(): Promise<void> {
    const { db, runs } = this.#options;
    if (runs.size === 0) return;
    const { rows } = await sql<{ id: string; cancelling: boolean; owner: string | null }>`
      SELECT j.id, j.state = 'cancelling' AS cancelling, w.owner_xid AS owner
      FROM godwit_jobs j JOIN ${sql.raw(DBOS_SCHEMA)}.workflow_status w ON w.workflow_uuid = j.id WHERE j.id = ANY(${[...runs.keys()]}::text[])`.execute(db);
    for (const row of rows) {
      const run = runs.get(row.id);
      if (row.owner !== run?.owner) run?.lose();
      else if (row.cancelling) run.requestCancel();
    }
  }

  async #reconcile(): Promise<void> {
    const { db, log, applicationVersion, enqueue } = this.#options;
    const status = sql.raw(`${DBOS_SCHEMA}.workflow_status`);

    // The controller died between keeping the job and putting it on the queue.
    const { rows: unqueued } = await sql<{ id: string; workflow: string; key: string }>`
      SELECT id, workflow, key FROM godwit_jobs j WHERE state = 'queued' AND created_at < clock_timestamp() - interval '5 seconds'
        AND NOT EXISTS (SELECT FROM ${status} w WHERE w.workflow_uuid = j.id)`.execute(db);
    for (const job of unqueued) await enqueue(job.workflow, job.id, job.key);

    // The engine has given a job up (it ended the controller too often, or somebody used the engine's own tools): say so.
    const error = { code: 'GW_JOB_ABANDONED', kind: 'terminal', message: 'The job was given up by the engine: it has ended the controller again and again, or was stopped by the tools of DBOS. What it had done was not undone.' };
    const { rows: abandoned } = await sql<{ id: string }>`
      WITH job AS (
        UPDATE godwit_jobs j SET state = 'failed', ended_at = clock_timestamp(), error = ${json(error)}::json
        FROM ${status} w WHERE w.workflow_uuid = j.id AND j.ended_at IS NULL AND w.status NOT IN ('ENQUEUED', 'DELAYED', 'PENDING')
          AND w.updated_at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 5000 RETURNING j.id)
      SELECT id, godwit_append_event(id, 'state', NULL, ${json({ state: 'failed', error })}::json) FROM job`.execute(db);
    if (abandoned.length > 0) log('error', 'jobs were given up by the engine', abandoned.map((r) => r.id));

    await adoptOtherVersions(db, applicationVersion, log);
  }
}

/**
 * After an upgrade, nobody else would ever take up the jobs of a version that no controller runs. To be called before the engine
 * is launched, too: it takes up its own executor's jobs there, and of its own version only.
 */
export async function adoptOtherVersions(db: Db, applicationVersion: string, log: SupervisorOptions['log']): Promise<void> {
  const table = `${DBOS_SCHEMA}.workflow_status`;
  const { rows: [made] } = await sql<{ there: boolean }>`SELECT to_regclass(${table}) IS NOT NULL AS there`.execute(db);
  if (made?.there !== true) return;
  const { rows } = await sql<{ id: string }>`
    UPDATE ${sql.raw(table)} w SET application_version = ${applicationVersion}
    WHERE w.status IN ('ENQUEUED', 'PENDING') AND w.queue_name = ${QUEUE} AND w.application_version <> ${applicationVersion}
      AND NOT EXISTS (SELECT FROM godwit_executors e WHERE e.application_version = w.application_version)
    RETURNING w.workflow_uuid AS id`.execute(db);
  if (rows.length > 0) log('warn', 'adopted jobs that were begun by another version', rows.map((r) => r.id));
}
