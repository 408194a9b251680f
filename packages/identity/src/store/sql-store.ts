import { sql, type ColumnType, type Kysely, type Transaction } from 'kysely';
import { keysThatStoppedSigning, primaryOf } from '../keys/generation.ts';
import type { KeyKind } from '../nodes.ts';
import type { Condition, Detour, Generation, IdentityStore, KeyEntry, KeyRecord, Membership, MembershipState, Phase } from './types.ts';

type Time = ColumnType<Date, Date, Date>;
type MaybeTime = ColumnType<Date | null, Date | null, Date | null>;

export interface IdentityTables {
  identity_keys: { id: string; kind: KeyKind; sha256: string; sealed: string | null; signs_from: MaybeTime; retired_at: MaybeTime; created_at: Time };
  identity_generations: { kind: KeyKind; generation: number; phase: Phase; entries: ColumnType<KeyEntry[], string, string>; job_id: string; created_at: Time; proven_at: MaybeTime };
  identity_sites: { site: string; state: MembershipState; job_id: string | null; since: Time };
  identity_conditions: { scope: string; type: string; status: Condition['status']; reason: string; message: string; since: Time };
  identity_detours: { node: string; source: string; since: Time };
}

const iso = (d: Date | null): string | undefined => d?.toISOString();
const lockOf: Record<KeyKind, number> = { fernet: 0x67776b31, credential: 0x67776b32 };

export class SqlIdentityStore implements IdentityStore {
  readonly #db: Kysely<IdentityTables>;

  constructor(db: Kysely<IdentityTables>) {
    this.#db = db;
  }

  generation(kind: KeyKind): Promise<Generation | undefined> {
    return newest(this.#db, kind);
  }

  begin(next: Omit<Generation, 'createdAt' | 'provenAt'>, keys: readonly KeyRecord[], now: Date): Promise<Generation | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      // Two controllers that think they have the same job: the second waits here, and then finds that it is late.
      await sql`select pg_advisory_xact_lock(${lockOf[next.kind]})`.execute(trx);
      const current = await newest(trx, next.kind);
      if (current?.generation === next.generation && current.jobId === next.jobId && current.phase === next.phase) return current;
      if ((current?.generation ?? 0) !== next.generation - 1) return undefined;
      for (const k of keys) {
        const row = { id: k.id, kind: k.kind, sha256: k.sha256, sealed: k.sealed ?? null, signs_from: date(k.signsFrom), retired_at: date(k.retiredAt), created_at: now };
        await trx.insertInto('identity_keys').values(row).onConflict((c) => c.column('id').doUpdateSet({ sealed: row.sealed, signs_from: row.signs_from, retired_at: row.retired_at })).execute();
      }
      await trx
        .insertInto('identity_generations')
        .values({ kind: next.kind, generation: next.generation, phase: next.phase, entries: JSON.stringify(next.entries), job_id: next.jobId, created_at: now, proven_at: null })
        .execute();
      const primary = primaryOf(next);
      await trx.updateTable('identity_keys').set({ signs_from: now }).where('id', '=', primary.id).where('signs_from', 'is', null).execute();
      return newest(trx, next.kind);
    });
  }

  async prove(kind: KeyKind, generation: number, now: Date, signedUntil: Date = now): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(${lockOf[kind]})`.execute(trx);
      const current = await newest(trx, kind);
      if (current?.generation !== generation || current.provenAt !== undefined) return;
      await trx.updateTable('identity_generations').set({ proven_at: now }).where('kind', '=', kind).where('generation', '=', generation).execute();
      const stopped = keysThatStoppedSigning(current, await keysOf(trx, kind));
      if (stopped.length > 0) await trx.updateTable('identity_keys').set({ retired_at: signedUntil }).where('id', 'in', stopped).execute();
    });
  }

  keys(kind: KeyKind): Promise<KeyRecord[]> {
    return keysOf(this.#db, kind);
  }

  async erase(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#db.updateTable('identity_keys').set({ sealed: null }).where('id', 'in', [...ids]).execute();
  }

  async memberships(): Promise<Membership[]> {
    const rows = await this.#db.selectFrom('identity_sites').selectAll().orderBy('site').execute();
    return rows.map((r) => ({ site: r.site, state: r.state, since: r.since.toISOString(), ...(r.job_id !== null && { jobId: r.job_id }) }));
  }

  async setMembership(site: string, state: MembershipState | undefined, jobId: string, now: Date): Promise<void> {
    if (state === undefined) {
      await this.#db.deleteFrom('identity_sites').where('site', '=', site).execute();
      return;
    }
    const row = { state, job_id: jobId, since: now };
    await this.#db
      .insertInto('identity_sites')
      .values({ site, ...row })
      .onConflict((c) => c.column('site').doUpdateSet(row).where('identity_sites.state', '!=', state))
      .execute();
  }

  async conditions(): Promise<Condition[]> {
    const rows = await this.#db.selectFrom('identity_conditions').selectAll().orderBy('scope').orderBy('type').execute();
    return rows.map((r) => ({ ...r, since: r.since.toISOString() }));
  }

  async putConditions(scopes: readonly string[], conditions: readonly Omit<Condition, 'since'>[], now: Date): Promise<void> {
    if (scopes.length === 0) return;
    await this.#db.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(${0x67776b33})`.execute(trx);
      const there = new Map((await trx.selectFrom('identity_conditions').selectAll().where(sql<boolean>`scope = any(${[...scopes]})`).execute()).map((c) => [keyOf(c), c]));
      // Of a thousand nodes hardly one changes from one look to the next: only what did is written.
      const changed = conditions.filter((c) => {
        const before = there.get(keyOf(c));
        return before?.status !== c.status || before.reason !== c.reason || before.message !== c.message;
      });
      for (let i = 0; i < changed.length; i += batch) {
        const rows = changed.slice(i, i + batch).map(({ scope, type, status, reason, message }) => ({ scope, type, status, reason, message, since: now }));
        await trx
          .insertInto('identity_conditions')
          .values(rows)
          .onConflict((k) =>
            k.columns(['scope', 'type']).doUpdateSet((eb) => ({
              status: eb.ref('excluded.status'), reason: eb.ref('excluded.reason'), message: eb.ref('excluded.message'),
              since: sql<Date>`case when identity_conditions.status = excluded.status then identity_conditions.since else excluded.since end`,
            })),
          )
          .execute();
      }
      const kept = new Set(conditions.map(keyOf));
      for (const c of there.values()) {
        if (!kept.has(keyOf(c))) await trx.deleteFrom('identity_conditions').where('scope', '=', c.scope).where('type', '=', c.type).execute();
      }
    });
  }

  async detours(): Promise<Detour[]> {
    return (await this.#db.selectFrom('identity_detours').selectAll().orderBy('node').execute()).map((r) => ({ ...r, since: r.since.toISOString() }));
  }

  async setDetour(node: string, source: string | undefined, now: Date): Promise<void> {
    if (source === undefined) {
      await this.#db.deleteFrom('identity_detours').where('node', '=', node).execute();
      return;
    }
    await this.#db.insertInto('identity_detours').values({ node, source, since: now }).onConflict((c) => c.column('node').doUpdateSet({ source, since: now })).execute();
  }
}

/** Rows of one statement: PostgreSQL takes 65,535 parameters. */
const batch = 500;
const keyOf = (c: { readonly scope: string; readonly type: string }): string => `${c.scope}\n${c.type}`;

type Executor = Kysely<IdentityTables> | Transaction<IdentityTables>;

async function newest(db: Executor, kind: KeyKind): Promise<Generation | undefined> {
  const row = await db.selectFrom('identity_generations').selectAll().where('kind', '=', kind).orderBy('generation', 'desc').limit(1).executeTakeFirst();
  if (!row) return undefined;
  return { kind, generation: row.generation, phase: row.phase, entries: row.entries, jobId: row.job_id, createdAt: row.created_at.toISOString(), provenAt: iso(row.proven_at) };
}

async function keysOf(db: Executor, kind: KeyKind): Promise<KeyRecord[]> {
  const rows = await db.selectFrom('identity_keys').selectAll().where('kind', '=', kind).orderBy('created_at').execute();
  return rows.map((r) => ({ id: r.id, kind: r.kind, sha256: r.sha256, sealed: r.sealed ?? undefined, signsFrom: iso(r.signs_from), retiredAt: iso(r.retired_at) }));
}

const date = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text));
