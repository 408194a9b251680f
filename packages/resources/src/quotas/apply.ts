import type { QuotaUsage } from '@godwit/openstack';
import { at, GodwitError, projectKey, projectOf, type ProjectRef, type Site, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { Names } from '../project.ts';
import { balance } from './balance.ts';
import type { QuotaPolicy, QuotaReport, QuotaRow } from './schemas.ts';

const services = ['compute', 'volume', 'network'] as const;
type ServiceName = (typeof services)[number];
type Usage = Readonly<Record<ServiceName, Readonly<Record<string, QuotaUsage>>>>;
type Limits = Partial<Record<ServiceName, Record<string, number>>>;

const viewKind = (policyId: string): string => `quota/${policyId}`;

async function projectIdOf(site: Site, project: ProjectRef): Promise<string> {
  const id = await at(site.name, () => new Names(site.admin).projectId(project));
  if (id !== undefined) return id;
  throw new GodwitError('GW_PROJECT_NOT_SERVED', 'terminal', `${site.name}: there is no project ${projectKey(project)}`, { site: site.name, resource: `project ${projectKey(project)}`, action: 'Make it there, or leave this site out of the policy.' });
}

export async function usageAt(site: Site, project: ProjectRef): Promise<Usage> {
  const id = await projectIdOf(site, project);
  return at(site.name, async () => {
    const [compute, volume, network] = await Promise.all([site.admin.compute.quota(id), site.admin.volume.quota(id), site.admin.network.quota(id)]);
    return { compute, volume, network };
  });
}

/** Reads all sites, and sets each limit as it follows from the use elsewhere. Limits are lowered before others are raised, so that their sum is never above the global one. */
export async function balanceQuota(deps: Deps, policyId: string, policy: QuotaPolicy, apply: boolean): Promise<QuotaReport> {
  const project = projectOf(policy.project);
  const usage = new Map<string, Usage>();
  const last = new Map<string, Limits>();
  const unreachable: QuotaReport['unreachable'] = [];
  const lost = (site: string, error: unknown): void => {
    const known = toGodwitError(error, { site });
    unreachable.push({ site, code: known.code, message: known.message });
    usage.delete(site);
  };
  await Promise.all(
    policy.sites.map(async (name) => {
      const view = await deps.store.view<Limits>(name, policy.project, viewKind(policyId));
      if (view) last.set(name, view.doc);
      const now = await usageAt(deps.sites.get(name), project).catch((error: unknown) => lost(name, error));
      if (!now) return;
      usage.set(name, now);
      // Also of a limit that needs no change: from now on it is what the site is counted at, should it go away.
      const live = limitsOf(policy, now);
      if (apply && JSON.stringify(live) !== JSON.stringify(view?.doc)) await deps.store.putView(name, policy.project, viewKind(policyId), deps.clock.now(), live);
      last.set(name, live);
    }),
  );
  const absent = new Set(unreachable.filter((u) => u.code === 'GW_PROJECT_NOT_SERVED').map((u) => u.site));
  const rows = rowsOf(policy, usage, last, absent, (site, what) => {
    const n = unreachable.findIndex((u) => u.site === site);
    const known = unreachable[n];
    if (known) unreachable[n] = { ...known, message: `${known.message}; its limit of ${what} is not known, so that no other site’s is raised` };
  });
  const changed = (r: QuotaRow): boolean => r.balanced !== undefined && r.balanced !== r.limit;
  if (apply) {
    const lower = rows.filter((r) => changed(r) && (r.limit === undefined || r.limit < 0 || (r.balanced ?? 0) < r.limit));
    const raise = rows.filter((r) => changed(r) && !lower.includes(r));
    for (const some of [lower, raise]) {
      // One that could not be lowered still has its old limit: nothing is raised on the strength of it.
      if (some === raise && unreachable.length > 0 && unreachable.some((u) => lower.some((r) => r.site === u.site))) break;
      await Promise.all(policy.sites.map((name) => setLimits(deps, policy, policyId, name, project, some.filter((r) => r.site === name), last).catch((error: unknown) => lost(name, error))));
    }
  }
  return { policy: policy.name, project: policy.project, at: deps.clock.now().toISOString(), rows, applied: apply, unreachable };
}

/** What the policy is about, as it is set at a site now. */
function limitsOf(policy: QuotaPolicy, usage: Usage): Limits {
  return Object.fromEntries(services.map((service) => [service, Object.fromEntries(Object.keys(policy.limits[service]).flatMap((resource) => {
    const limit = usage[service][resource]?.limit;
    return limit === undefined ? [] : [[resource, limit]];
  }))]));
}

/** @param absent sites that lack the project: nothing of it can be used there @param unknown told of a site that cannot be counted */
function rowsOf(policy: QuotaPolicy, usage: ReadonlyMap<string, Usage>, last: ReadonlyMap<string, Limits>, absent: ReadonlySet<string>, unknown: (site: string, what: string) => void): QuotaRow[] {
  return services.flatMap((service) =>
    Object.entries(policy.limits[service]).flatMap(([resource, global]) => {
      const shares = policy.sites.map((site) => {
        const now = usage.get(site)?.[service][resource];
        return { site, use: now && now.inUse + now.reserved, lastLimit: absent.has(site) ? 0 : last.get(site)?.[service]?.[resource] };
      });
      const limits = balance(global, shares, policy.mode);
      // Without a limit that is known, it may fill up to anything meanwhile: others are lowered where they must be, but not raised.
      const uncounted = shares.filter((s) => s.use === undefined && (s.lastLimit ?? -1) < 0);
      for (const { site } of uncounted) unknown(site, `${service}.${resource}`);
      return shares.map(({ site, use, lastLimit }): QuotaRow => {
        const limit = usage.get(site)?.[service][resource]?.limit ?? lastLimit;
        const due = limits.get(site);
        const balanced = due !== undefined && uncounted.length > 0 && limit !== undefined && limit >= 0 ? Math.min(limit, due) : due;
        return { service, resource, site, reachable: usage.has(site), global, ...(use === undefined ? {} : { use }), ...(limit === undefined ? {} : { limit }), ...(balanced === undefined ? {} : { balanced }) };
      });
    }),
  );
}

async function setLimits(deps: Deps, policy: QuotaPolicy, policyId: string, name: string, project: ProjectRef, rows: readonly QuotaRow[], last: Map<string, Limits>): Promise<void> {
  if (rows.length === 0) return;
  const site = deps.sites.get(name);
  const id = await projectIdOf(site, project);
  const next: Limits = structuredClone(last.get(name) ?? {});
  for (const r of rows) if (r.balanced !== undefined) (next[r.service] ??= {})[r.resource] = r.balanced;
  // Written down first: a site that took a limit and then could not be reached is counted at no less. When it was to be lowered, the old one counts until it was.
  const highest: Limits = structuredClone(next);
  for (const r of rows) if (r.limit !== undefined && r.limit > (r.balanced ?? 0)) (highest[r.service] ??= {})[r.resource] = r.limit;
  await deps.store.putView(name, policy.project, viewKind(policyId), deps.clock.now(), highest);
  for (const service of services) {
    const limits = Object.fromEntries(rows.filter((r) => r.service === service && r.balanced !== undefined).map((r) => [r.resource, r.balanced ?? 0]));
    if (Object.keys(limits).length === 0) continue;
    await at(name, () => (service === 'compute' ? site.admin.compute.setQuota(id, limits) : service === 'volume' ? site.admin.volume.setQuota(id, limits) : site.admin.network.setQuota(id, limits)), `quota of ${projectKey(project)}`);
  }
  await deps.store.putView(name, policy.project, viewKind(policyId), deps.clock.now(), next);
  last.set(name, next);
}
