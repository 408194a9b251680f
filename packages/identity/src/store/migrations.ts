import { sql, type Kysely } from 'kysely';

/** Run in order, each once, under an advisory lock. One that has been released is never changed: add another. */
const migrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: '0001-star',
    up: [
      // `sealed` is worthless without the master key; it is emptied when no token can need the key any more.
      `create table identity_keys (
         id uuid primary key, kind text not null, sha256 text not null, sealed text, signs_from timestamptz, retired_at timestamptz,
         created_at timestamptz not null, unique (kind, sha256))`,
      `create table identity_generations (
         kind text not null, generation integer not null, phase text not null, entries jsonb not null, job_id text not null,
         created_at timestamptz not null, proven_at timestamptz, primary key (kind, generation))`,
      'create table identity_sites (site text primary key, state text not null, job_id text, since timestamptz not null)',
      `create table identity_conditions (
         scope text not null, type text not null, status text not null, reason text not null, message text not null, since timestamptz not null,
         primary key (scope, type))`,
      'create table identity_detours (node text primary key, source text not null, since timestamptz not null)',
    ],
  },
];

const lockKey = 0x67776964; // "gwid"

export async function migrateIdentity(db: Kysely<unknown>): Promise<void> {
  const k = db as Kysely<{ identity_migrations: { name: string } }>;
  await k.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${lockKey})`.execute(trx);
    await sql`create table if not exists identity_migrations (name text primary key, at timestamptz not null default now())`.execute(trx);
    const done = new Set((await trx.selectFrom('identity_migrations').select('name').execute()).map((r) => r.name));
    for (const migration of migrations) {
      if (done.has(migration.name)) continue;
      for (const statement of migration.up) await sql.raw(statement).execute(trx);
      await trx.insertInto('identity_migrations').values({ name: migration.name }).execute();
    }
  });
}
