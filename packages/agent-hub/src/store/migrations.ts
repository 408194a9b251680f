import { type Kysely, sql } from 'kysely';

/** Run in order, each once, under an advisory lock. One that has been released is never changed: add another. */
const migrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: '0001-agents',
    up: [
      'create table godwit_agent_ca (id integer primary key check (id = 1), certificate text not null, sealed_key text not null, created_at timestamptz not null default now())',
      // previous_cert: what a renewal replaced, until the new one has been used.
      `create table godwit_agents (
         id uuid primary key, name text not null unique, site text not null, role text not null, revoked_at timestamptz,
         cert_sha256 text not null unique, previous_cert_sha256 text unique, cert_expires_at timestamptz not null, previous_cert_expires_at timestamptz,
         enrolled_at timestamptz not null default now(), enrolled_by text not null)`,
      `create table godwit_agent_tokens (
         hash text primary key, name text not null, site text not null, role text not null, created_by text not null,
         created_at timestamptz not null default now(), expires_at timestamptz not null, used_at timestamptz, key_sha256 text, agent_id uuid)`,
      'create index godwit_agent_tokens_name on godwit_agent_tokens (name)',
      'create table godwit_agent_controllers (id text primary key, advertise text, beat_at timestamptz not null)',
      'create table godwit_agent_presence (agent_id uuid not null references godwit_agents on delete cascade, controller text not null, since timestamptz not null, primary key (agent_id, controller))',
      'create table godwit_agent_reports (agent_id uuid primary key references godwit_agents on delete cascade, received_at timestamptz not null, skew_ms integer not null, report jsonb not null)',
      // Counts up at each revocation and removal: a number that controllers may look at every second.
      'create table godwit_agent_changes (id integer primary key check (id = 1), n bigint not null)',
      'insert into godwit_agent_changes values (1, 0)',
    ],
  },
];

const lockKey = 0x676f6177; // "goaw"

export async function migrate(db: Kysely<never> | Kysely<unknown>): Promise<void> {
  const k = db as Kysely<{ godwit_agent_migrations: { name: string } }>;
  await k.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${lockKey})`.execute(trx);
    await sql`create table if not exists godwit_agent_migrations (name text primary key, at timestamptz not null default now())`.execute(trx);
    const done = new Set((await trx.selectFrom('godwit_agent_migrations').select('name').execute()).map((r) => r.name));
    for (const migration of migrations) {
      if (done.has(migration.name)) continue;
      for (const statement of migration.up) await sql.raw(statement).execute(trx);
      await trx.insertInto('godwit_agent_migrations').values({ name: migration.name }).execute();
    }
  });
}
