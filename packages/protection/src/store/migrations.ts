import { sql, type Kysely } from 'kysely';

/**
 * Run in order, each once, under an advisory lock, so that several controllers may start at once. A migration that has been
 * released is never changed: add another.
 */
const migrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: '0001-groups-points',
    up: [
      `create table protection_groups (
         id uuid primary key, project text not null, name text not null, epoch integer not null, doc jsonb not null,
         unique (project, name))`,
      `create table recovery_points (
         id uuid primary key, group_id uuid not null references protection_groups (id) on delete cascade,
         sequence integer not null, state text not null, doc jsonb not null, unique (group_id, sequence))`,
      // A row says that a freeze window was opened for a point: found again after a crash, it means that guests may be frozen.
      'create table freeze_windows (point_id uuid primary key, opened_at timestamptz not null, closed_at timestamptz)',
      // What must be stopped at a site that could not be reached when its group went elsewhere.
      `create table pending_fences (
         group_id uuid not null, epoch integer not null, site text not null, project text not null, servers jsonb not null,
         fenced_at timestamptz, primary key (group_id, epoch, site))`,
      'create table backup_targets (source text not null, target text not null, verified_at timestamptz not null, primary key (source, target))',
    ],
  },
  // Pages of all projects' groups, and an administrator's group by its name.
  { name: '0002-groups-by-name', up: ['create index protection_groups_name on protection_groups (name, id)'] },
];

const lockKey = 0x676f6477; // "godw"

export async function migrate(db: Kysely<never> | Kysely<unknown>): Promise<void> {
  const k = db as Kysely<{ protection_migrations: { name: string } }>;
  await k.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${lockKey})`.execute(trx);
    await sql`create table if not exists protection_migrations (name text primary key, at timestamptz not null default now())`.execute(trx);
    const done = new Set((await trx.selectFrom('protection_migrations').select('name').execute()).map((r) => r.name));
    for (const migration of migrations) {
      if (done.has(migration.name)) continue;
      for (const statement of migration.up) await sql.raw(statement).execute(trx);
      await trx.insertInto('protection_migrations').values({ name: migration.name }).execute();
    }
  });
}
