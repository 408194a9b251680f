import { sql, type Kysely } from 'kysely';

/** Run in order, each once, under an advisory lock, so that several controllers may start at once. One that was released is never changed: add another. */
const migrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: '0001-policies-views',
    up: [
      // Of images, of what is synchronized, of quotas. A policy that is for all projects has the project ''.
      'create table resource_policies (id uuid primary key, kind text not null, project text not null, name text not null, doc jsonb not null, unique (kind, project, name))',
      // What the sites last agreed on, so that it can be told who has changed something since.
      'create table resource_baselines (policy uuid not null references resource_policies (id) on delete cascade, key text not null, digest text not null, primary key (policy, key))',
      'create table resource_audits (policy uuid primary key references resource_policies (id) on delete cascade, at timestamptz not null, doc jsonb not null)',
      'create table image_rollouts (id uuid primary key, project text not null, policy text not null, at timestamptz not null, doc jsonb not null)',
      // What a site was last seen to have: shown, with its age, while it cannot be asked.
      'create table resource_views (site text not null, project text not null, kind text not null, seen_at timestamptz not null, doc jsonb not null, primary key (site, project, kind))',
    ],
  },
];

const lockKey = 0x676f6472; // "godr"

export async function migrateResources(db: Kysely<never> | Kysely<unknown>): Promise<void> {
  const k = db as Kysely<{ resource_migrations: { name: string } }>;
  await k.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${lockKey})`.execute(trx);
    await sql`create table if not exists resource_migrations (name text primary key, at timestamptz not null default now())`.execute(trx);
    const done = new Set((await trx.selectFrom('resource_migrations').select('name').execute()).map((r) => r.name));
    for (const migration of migrations) {
      if (done.has(migration.name)) continue;
      for (const statement of migration.up) await sql.raw(statement).execute(trx);
      await trx.insertInto('resource_migrations').values({ name: migration.name }).execute();
    }
  });
}
