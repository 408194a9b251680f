import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Db, Tables } from './db.ts';
import { forget } from './dbos.ts';
import type { Notifications } from './notifications.ts';
import type { Job, JobEvent, JobStore, JobState, JobStep, Progress } from './types.ts';

const ENDED: readonly JobState[] = ['succeeded', 'failed', 'cancelled'];
const PAGE = 500;
/** A look at the table in case a notice was lost. */
const FALLBACK_MS = 2_000;

export function isEnded(state: JobState): boolean {
  return ENDED.includes(state);
}

/** PostgreSQL's text cannot hold NUL and answers with an error, not with nothing: what has one is the id of no job. */
const storable = (text: string): boolean => !text.includes('\0');

type JobRow = Omit<Tables['godwit_jobs'], 'state' | 'created_at'> & { state: JobState; created_at: Date };

/** Reads of jobs and events, and the request to cancel. Works from any controller, whichever runs the job. */
export class SqlJobStore implements JobStore {
  readonly #db: Db;
  readonly #notifications: Notifications;

  constructor(db: Db, notifications: Notifications) {
    this.#db = db;
    this.#notifications = notifications;
  }

  async get(id: string): Promise<Job | undefined> {
    if (!storable(id)) return undefined;
    const row = await this.#db.selectFrom('godwit_jobs').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : (await this.#complete([row]))[0];
  }

  async list(filter: Parameters<JobStore['list']>[0] = {}): Promise<Job[]> {
    if (filter.before !== undefined && !storable(filter.before)) return [];
    let q = this.#db.selectFrom('godwit_jobs').selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc').limit(filter.limit ?? 100);
    if (filter.labels !== undefined) q = q.where(sql<boolean>`labels @> ${JSON.stringify(filter.labels)}::jsonb`);
    if (filter.state !== undefined) q = q.where('state', 'in', filter.state.length > 0 ? [...filter.state] : ['none' as JobState]);
    if (filter.workflow !== undefined) q = q.where('workflow', '=', filter.workflow);
    if (filter.before !== undefined) q = q.where(sql<boolean>`(created_at, id) < (SELECT created_at, id FROM godwit_jobs WHERE id = ${filter.before})`);
    return this.#complete(await q.execute());
  }

  async cancel(id: string): Promise<boolean> {
    if (!storable(id)) return false;
    const { rows } = await sql`
      WITH job AS (
        UPDATE godwit_jobs SET state = CASE state WHEN 'queued' THEN 'cancelled' ELSE 'cancelling' END,
          ended_at = CASE state WHEN 'queued' THEN clock_timestamp() END,
          error = CASE state WHEN 'queued' THEN json_build_object('code', 'GW_JOB_CANCELLED', 'kind', 'terminal', 'message', 'Job ' || id || ' was cancelled before it began.') END
        WHERE id = ${id} AND state IN ('queued', 'running') RETURNING id, state)
      SELECT godwit_append_event(id, 'state', NULL, json_build_object('state', state)) FROM job`.execute(this.#db);
    if (rows.length > 0) return true;
    const job = await this.#db.selectFrom('godwit_jobs').select('state').where('id', '=', id).executeTakeFirst();
    return job?.state === 'cancelling';
  }

  async events(filter: Parameters<JobStore['events']>[0]): Promise<JobEvent[]> {
    let q = this.#db.selectFrom('godwit_events as e').selectAll('e').orderBy('e.seq').limit(filter.limit ?? PAGE).where('e.seq', '>', filter.after ?? 0);
    if (filter.jobId !== undefined) q = q.where('e.job_id', '=', filter.jobId);
    if (filter.labels !== undefined) {
      q = q.innerJoin('godwit_jobs as j', 'j.id', 'e.job_id').where(sql<boolean>`j.labels @> ${JSON.stringify(filter.labels)}::jsonb`);
    }
    return (await q.execute()).map((e) => ({
      seq: e.seq, jobId: e.job_id, at: e.at.toISOString(), type: e.type, ...(e.step === null ? {} : { step: e.step }), data: e.data,
    }));
  }

  async *watch(filter: Parameters<JobStore['watch']>[0], signal: AbortSignal): AsyncIterable<JobEvent> {
    let news = true;
    let wake: () => void = () => undefined;
    const unsubscribe = this.#notifications.subscribe((notice) => {
      if (notice !== undefined && filter.jobId !== undefined && notice.job !== filter.jobId) return;
      news = true;
      wake();
    });
    const onAbort = (): void => { wake(); };
    signal.addEventListener('abort', onAbort);
    try {
      let after = filter.after ?? (await latestSeq(this.#db));
      while (!signal.aborted) {
        news = false;
        const events = await this.events({ ...filter, after, limit: PAGE });
        for (const event of events) {
          if (signal.aborted) return;
          after = event.seq;
          yield event;
        }
        if (events.length === PAGE) continue;
        await new Promise<void>((resolve) => {
          if (news || signal.aborted) return resolve();
          const timer = setTimeout(resolve, FALLBACK_MS);
          wake = () => { clearTimeout(timer); resolve(); };
        });
      }
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
    }
  }

  async prune(options: { readonly endedBefore: Date; readonly limit?: number }): Promise<number> {
    const rows = await this.#db.selectFrom('godwit_jobs').select('id').where('ended_at', '<', options.endedBefore)
      .orderBy('ended_at').limit(options.limit ?? 1_000).execute();
    const ids = rows.map((r) => r.id);
    if (ids.length === 0) return 0;
    // The engine's record first: without ours it would look like a job that was never submitted.
    await forget(ids);
    await this.#db.deleteFrom('godwit_jobs').where('id', 'in', ids).execute();
    return ids.length;
  }

  async #complete(rows: readonly JobRow[]): Promise<Job[]> {
    if (rows.length === 0) return [];
    const ids = rows.map((r) => r.id);
    const [steps, progress] = await Promise.all([
      this.#db.selectFrom('godwit_job_steps').selectAll().where('job_id', 'in', ids).orderBy('job_id').orderBy('ordinal').execute(),
      this.#db.selectFrom('godwit_job_progress').selectAll().where('job_id', 'in', ids).orderBy('rank').execute(),
    ]);
    return rows.map((row) => toJob(row, steps.filter((s) => s.job_id === row.id), progress.filter((p) => p.job_id === row.id).map((p) => p.data)));
  }
}

async function latestSeq(db: Kysely<Tables>): Promise<number> {
  const row = await db.selectFrom('godwit_events').select((e) => e.fn.max('seq').as('seq')).executeTakeFirst();
  return row?.seq ?? 0;
}

function toJob(row: JobRow, steps: readonly Tables['godwit_job_steps'][], progress: readonly Progress[]): Job {
  return {
    id: row.id, workflow: row.workflow, key: row.key, state: row.state, input: row.input, labels: row.labels,
    ...(row.state === 'succeeded' ? { result: row.result } : {}),
    ...(row.error === null ? {} : { error: row.error }),
    createdAt: row.created_at.toISOString(),
    ...(row.started_at === null ? {} : { startedAt: row.started_at.toISOString() }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at.toISOString() }),
    progress,
    steps: steps.map((s): JobStep => ({
      name: s.name, state: s.state, attempts: s.attempts, startedAt: s.started_at.toISOString(),
      ...(s.ended_at === null ? {} : { endedAt: s.ended_at.toISOString() }),
      ...(s.error === null ? {} : { error: s.error }),
    })),
  };
}
