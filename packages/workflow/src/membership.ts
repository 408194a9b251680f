import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from './db.ts';
import { DBOS_SCHEMA, QUEUE } from './dbos.ts';

export interface MembershipOptions {
  readonly executorId: string;
  readonly applicationVersion: string;
  readonly deadAfterMs: number;
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number;
}

/**
 * Which controllers live. Each counts up its row; one whose count stands still for deadAfterMs *while we were looking* is dead.
 * Ages by the database's clock would not do: after an outage of the database all rows are old, and all would bury each other.
 */
export class Membership {
  readonly #db: Db;
  readonly #options: MembershipOptions;
  readonly #instance = randomUUID();
  readonly #seen = new Map<string, { instance: string; beats: number; since: number }>();
  readonly #now: () => number;

  constructor(db: Db, options: MembershipOptions) {
    this.#db = db;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Takes the executor's row, from an earlier process of the same id too. */
  async join(): Promise<void> {
    const { executorId, applicationVersion } = this.#options;
    await sql`INSERT INTO godwit_executors AS e (id, instance, application_version, beats, beat_at) VALUES (${executorId}, ${this.#instance}, ${applicationVersion}, 1, clock_timestamp())
      ON CONFLICT (id) DO UPDATE SET instance = excluded.instance, application_version = excluded.application_version, beats = e.beats + 1, beat_at = excluded.beat_at`.execute(this.#db);
  }

  /** A sign of life. False: another process has taken our id. */
  async beat(): Promise<boolean> {
    const { executorId, applicationVersion } = this.#options;
    const { rows } = await sql`INSERT INTO godwit_executors AS e (id, instance, application_version, beats, beat_at) VALUES (${executorId}, ${this.#instance}, ${applicationVersion}, 1, clock_timestamp())
      ON CONFLICT (id) DO UPDATE SET beats = e.beats + 1, beat_at = excluded.beat_at WHERE e.instance = excluded.instance RETURNING id`.execute(this.#db);
    return rows.length > 0;
  }

  async leave(): Promise<void> {
    await this.#db.deleteFrom('godwit_executors').where('id', '=', this.#options.executorId).where('instance', '=', this.#instance).execute();
  }

  /** Executors that hold unfinished jobs and are dead or gone. Their rows are removed. */
  async findDead(): Promise<string[]> {
    const rows = await this.#db.selectFrom('godwit_executors').select(['id', 'instance', 'beats']).where('id', '<>', this.#options.executorId).execute();
    const now = this.#now();
    const stale: string[] = [];
    for (const row of rows) {
      const known = this.#seen.get(row.id);
      if (known === undefined || known.instance !== row.instance || known.beats !== row.beats) this.#seen.set(row.id, { instance: row.instance, beats: row.beats, since: now });
      else if (now - known.since >= this.#options.deadAfterMs) stale.push(row.id);
    }
    for (const id of stale) {
      const known = this.#seen.get(id);
      this.#seen.delete(id);
      // Unless it has just come back to life.
      if (known !== undefined) await this.#db.deleteFrom('godwit_executors').where('id', '=', id).where('instance', '=', known.instance).where('beats', '=', known.beats).execute();
    }
    const { rows: orphaned } = await sql<{ executor_id: string }>`
      SELECT DISTINCT executor_id FROM ${sql.raw(DBOS_SCHEMA)}.workflow_status
      WHERE status = 'PENDING' AND queue_name = ${QUEUE} AND executor_id <> ${this.#options.executorId}
        AND NOT EXISTS (SELECT FROM godwit_executors e WHERE e.id = executor_id)`.execute(this.#db);
    return orphaned.map((r) => r.executor_id);
  }

  /** After a time without the database, what was seen before says nothing. */
  lookAnew(): void {
    this.#seen.clear();
  }
}
