import { sql, type Kysely } from 'kysely';

/** Run in order, each once, under an advisory lock, so that several controllers may start at once. One that was released is never changed: add another. */
const migrations: readonly { readonly name: string; readonly up: readonly string[] }[] = [
  {
    name: '0001-stretched-networks',
    up: [
      'create table stretched_networks (id uuid primary key, project text not null, name text not null, doc jsonb not null, unique (project, name))',
      // What the last comparison found, and which remote ports it left in place: so that a restarted controller can tell what was taken away meanwhile.
      'create table network_reports (network uuid primary key references stretched_networks (id) on delete cascade, doc jsonb not null, placed jsonb not null)',
      // Which controller keeps a network's remote ports in step.
      'create table network_holders (network uuid primary key references stretched_networks (id) on delete cascade, holder text not null, until timestamptz not null)',
    ],
  },
  {
    name: '0002-virtual-ips',
    up: ['create table network_vips (id uuid primary key, network uuid not null references stretched_networks (id) on delete cascade, project text not null, name text not null, doc jsonb not null, unique (project, name))'],
  },
  {
    name: '0003-border-gateways',
    // Which gateway of a site carries its networks. The epoch is a column of its own, as a change names the one that it ends.
    up: ['create table network_gateway_leads (site text primary key, epoch integer not null, doc jsonb not null)'],
  },
];

const lockKey = 0x676f646e; // "godn"

export async function migrateNetwork(db: Kysely<never> | Kysely<unknown>): Promise<void> {
  const k = db as Kysely<{ network_migrations: { name: string } }>;
  await k.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${lockKey})`.execute(trx);
    await sql`create table if not exists network_migrations (name text primary key, at timestamptz not null default now())`.execute(trx);
    const done = new Set((await trx.selectFrom('network_migrations').select('name').execute()).map((r) => r.name));
    for (const migration of migrations) {
      if (done.has(migration.name)) continue;
      for (const statement of migration.up) await sql.raw(statement).execute(trx);
      await trx.insertInto('network_migrations').values({ name: migration.name }).execute();
    }
  });
}
