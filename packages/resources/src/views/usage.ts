import { at, projectIdAt, type ProjectRef } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { SiteState, UsageView } from './schemas.ts';
import { look } from './seen.ts';

type Row = UsageView['usage'][number];
type Capacity = UsageView['capacity'][number];

/** Use and limits of a project at all sites; for administrators, what the sites' hypervisors have in all. */
export async function readUsage(deps: Deps, project: ProjectRef, admin: boolean): Promise<UsageView> {
  const sites: SiteState[] = [];
  const usage: Row[] = [];
  const capacity: Capacity[] = [];
  await Promise.all(
    deps.sites.list().map(async (site) => {
      const seen = await look(deps, site, project, 'usage', async (): Promise<Row[]> => {
        const id = await projectIdAt(site, project);
        const tenant = site.asProject(project);
        return at(site.name, async () => {
          const sets = await Promise.all([tenant.compute.quota(id), tenant.volume.quota(id), tenant.network.quota(id)]);
          return sets.flatMap((set, n) => Object.entries(set).map(([resource, q]) => ({ site: site.name, service: ['compute', 'volume', 'network'][n] ?? '', resource, inUse: q.inUse + q.reserved, limit: q.limit })));
        });
      });
      sites.push(seen.state);
      usage.push(...(seen.doc ?? []));
      if (!admin) return;
      const hosts = await look(deps, site, undefined, 'capacity', (): Promise<Capacity[]> =>
        at(site.name, async () => {
          const { resourceProviders } = site.admin.placement;
          const sums = new Map<string, { used: number; total: number }>();
          for (const { uuid } of await resourceProviders.list()) {
            const [inventories, used] = await Promise.all([resourceProviders.inventories(uuid), resourceProviders.usages(uuid)]);
            for (const [resource, i] of Object.entries(inventories)) {
              const sum = sums.get(resource) ?? { used: 0, total: 0 };
              sums.set(resource, { used: sum.used + (used[resource] ?? 0), total: sum.total + Math.floor((i.total - i.reserved) * i.allocation_ratio) });
            }
          }
          return [...sums].map(([resource, sum]) => ({ site: site.name, resource, ...sum }));
        }));
      capacity.push(...(hosts.doc ?? []));
    }),
  );
  const bySite = (a: { site: string }, b: { site: string }): number => (a.site < b.site ? -1 : a.site > b.site ? 1 : 0);
  return { sites: sites.toSorted(bySite), usage: usage.toSorted(bySite), capacity: capacity.toSorted(bySite) };
}
