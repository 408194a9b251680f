import type pg from 'pg';

/** Applied in order, each once; never changed after a release, only added to. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE godwit_jobs (
    id text PRIMARY KEY, workflow text NOT NULL, key text NOT NULL, state text NOT NULL DEFAULT 'queued',
    input json NOT NULL, result json, error json, labels jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), started_at timestamptz, ended_at timestamptz, executor text
  );
  CREATE INDEX godwit_jobs_created ON godwit_jobs (created_at DESC, id DESC);
  CREATE INDEX godwit_jobs_labels ON godwit_jobs USING gin (labels jsonb_path_ops);
  CREATE INDEX godwit_jobs_unfinished ON godwit_jobs (state) WHERE ended_at IS NULL;
  CREATE TABLE godwit_job_steps (
    job_id text NOT NULL REFERENCES godwit_jobs ON DELETE CASCADE, ordinal int NOT NULL, name text NOT NULL, state text NOT NULL,
    attempts int NOT NULL, started_at timestamptz NOT NULL, ended_at timestamptz, error json, PRIMARY KEY (job_id, ordinal)
  );
  CREATE TABLE godwit_job_progress (
    job_id text NOT NULL REFERENCES godwit_jobs ON DELETE CASCADE, item text NOT NULL, rank bigserial, data json NOT NULL, PRIMARY KEY (job_id, item)
  );
  CREATE TABLE godwit_events (
    seq bigserial PRIMARY KEY, job_id text NOT NULL REFERENCES godwit_jobs ON DELETE CASCADE, at timestamptz NOT NULL,
    type text NOT NULL, step text, data json NOT NULL
  );
  CREATE INDEX godwit_events_job ON godwit_events (job_id, seq);
  CREATE TABLE godwit_executors (
    id text PRIMARY KEY, instance text NOT NULL, application_version text NOT NULL, beats bigint NOT NULL, beat_at timestamptz NOT NULL
  );
  -- Numbers are given out and committed in one order (the lock is held until the commit): a reader that has seen 7 will not be
  -- shown a 6 afterwards, so "everything after 7" misses nothing. Call it last in a transaction, or two can lock each other out.
  CREATE FUNCTION godwit_append_event(p_job text, p_type text, p_step text, p_data json) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE s bigint;
  BEGIN
    PERFORM pg_advisory_xact_lock(4719283650);
    INSERT INTO godwit_events (job_id, at, type, step, data) VALUES (p_job, clock_timestamp(), p_type, p_step, p_data) RETURNING seq INTO s;
    PERFORM pg_notify('godwit_events', json_build_object('seq', s, 'job', p_job, 'type', p_type, 'state', CASE WHEN p_type = 'state' THEN p_data->>'state' END)::text);
    RETURN s;
  END $$;
  `,
];

const LOCK = 4719283651;

/** Brings our tables up to date. Several controllers may do so at once. */
export async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
    await client.query('CREATE TABLE IF NOT EXISTS godwit_workflow_schema (version int NOT NULL)');
    const { rows } = await client.query<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM godwit_workflow_schema');
    for (let version = rows[0]?.version ?? 0; version < MIGRATIONS.length; version++) {
      await client.query(MIGRATIONS[version] ?? '');
      await client.query('INSERT INTO godwit_workflow_schema VALUES ($1)', [version + 1]);
    }
    await client.query('COMMIT');
  } catch (e) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw e;
  } finally {
    client.release();
  }
}
