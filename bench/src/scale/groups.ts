import { randomUUID } from 'node:crypto';
import { type Group, migrate, policySchema, Store, type Tables } from '@godwit/protection';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

/** Groups of ten servers, ten to a site of a hundred servers, to be recovered at the next site; put into the catalogue as creating them would. */
export async function seedGroups(databaseUrl: string, servers: Readonly<Record<string, readonly string[]>>, membersEach: number): Promise<Group[]> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(db as unknown as Kysely<unknown>);
    const store = new Store(db);
    const sites = Object.keys(servers);
    const now = new Date().toISOString();
    const groups = sites.flatMap((site, at) => {
      const ids = servers[site] ?? [];
      return Array.from({ length: Math.floor(ids.length / membersEach) }, (_, n): Group => ({
        id: randomUUID(), name: `${site}-g${String(n).padStart(2, '0')}`, project: { name: 'vnf', domain: 'Default' },
        site, recoverySite: sites[(at + 1) % sites.length] ?? site, activeSite: site, epoch: 1, state: 'New',
        members: ids.slice(n * membersEach, (n + 1) * membersEach).map((serverId, order) => ({ serverId, name: `web-${String(n * membersEach + order).padStart(4, '0')}`, order })),
        policy: policySchema.parse({}), conditions: [], createdAt: now, updatedAt: now,
      }));
    });
    const queue = [...groups];
    await Promise.all(Array.from({ length: 4 }, async () => {
      for (let group = queue.pop(); group; group = queue.pop()) if (!(await store.insertGroup(group))) throw new Error(`there is a group ${group.name} already`);
    }));
    return groups;
  } finally {
    await db.destroy();
  }
}

/** One of each site in turn, until there are so many: work of many sites at once. */
export function spread(groups: readonly Group[], count: number): Group[] {
  const bySite = new Map<string, Group[]>();
  for (const group of groups) bySite.set(group.site, [...(bySite.get(group.site) ?? []), group]);
  const picked: Group[] = [];
  for (let round = 0; picked.length < count && round < 1000; round += 1)
    for (const some of bySite.values()) {
      const group = some[round];
      if (group && picked.length < count) picked.push(group);
    }
  return picked;
}
