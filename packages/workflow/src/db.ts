import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import type { Generated } from 'kysely';
import pg from 'pg';
import type { JobError, JobState, Json, Progress } from './types.ts';

/** Ours; the engine's own tables lie beside them in the schema `dbos`. Journaled values are `json`, not `jsonb`: a guest's console may send NUL. */
export interface Tables {
  godwit_jobs: {
    id: string;
    workflow: string;
    key: string;
    state: Generated<JobState>;
    input: Json;
    result: Json | null;
    error: JobError | null;
    labels: Record<string, string>;
    created_at: Generated<Date>;
    started_at: Date | null;
    ended_at: Date | null;
    executor: string | null;
  };
  godwit_job_steps: {
    job_id: string;
    ordinal: number;
    name: string;
    state: 'running' | 'succeeded' | 'failed';
    attempts: number;
    started_at: Date;
    ended_at: Date | null;
    error: JobError | null;
  };
  godwit_job_progress: { job_id: string; item: string; rank: Generated<number>; data: Progress };
  godwit_events: { seq: Generated<number>; job_id: string; at: Date; type: 'state' | 'step' | 'progress' | 'log'; step: string | null; data: Json };
  godwit_executors: { id: string; instance: string; application_version: string; beats: number; beat_at: Date };
}

export type Db = Kysely<Tables>;

const INT8 = 20;

export function openPool(databaseUrl: string, max: number, onError: (e: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    application_name: 'godwit',
    // Sequence numbers and counters stay far below 2^53.
    types: { getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as never },
  });
  // A connection that breaks with nobody at it would else end the process: when it is idle, and in the moment before it is given back.
  pool.on('error', onError);
  pool.on('connect', (client) => { client.on('error', () => undefined); });
  return pool;
}

export function openDb(pool: pg.Pool): Db {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/** As a parameter of a `json` column. */
export function json(value: unknown): string {
  return JSON.stringify(value ?? null);
}

/**
 * Besides lost connections: a server that starts or stops (57P0), is short of something (53: disk, memory, connections) or a standby
 * that has not yet been promoted (25006), and transactions that got in each other's way. All pass, or are put right by somebody.
 */
const TRANSIENT = /^(08|57P0|53|25006|40001|40P01|55P03|ECONN|ENOENT|EPIPE|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/;

/** Whether the database was away or busy, so that the same statement may succeed later. */
export function isTransient(e: unknown): boolean {
  if (!(e instanceof Error)) return false;
  const code = (e as { code?: unknown }).code;
  if (typeof code === 'string' && TRANSIENT.test(code)) return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(e.message);
}

/**
 * Of any thrown value: whether it is the database's absence, as the driver throws it. Errors that have a kind are somebody's own, with
 * codes of their own.
 */
export const isDatabaseAway = (e: unknown): boolean => isTransient(e) && typeof (e as { kind?: unknown }).kind !== 'string';

/** Repeats `operation` while the database is away, until `signal` is aborted. What it does must bear being done twice. */
export async function persistently<T>(operation: () => Promise<T>, signal: AbortSignal, onRetry: (e: Error) => void): Promise<T> {
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    try {
      return await operation();
    } catch (e) {
      if (signal.aborted || !isTransient(e)) throw e;
      onRetry(e as Error);
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
