import { GodwitError, projectOf, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { RemoteVtep } from '../driver/types.ts';
import type { Drift, Finding, ReconcileReport } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
import { apply, type Applied } from './apply.ts';
import type { GatewayEnds } from '../gateway/types.ts';
import { readFrame, readPorts, type SiteFrame, type SiteView } from './observe.ts';
import { planSite, type SitePlanOfChanges } from './plan.ts';

const HISTORY = 50;

export interface TurnOptions {
  readonly signal: AbortSignal;
  /** Frames of a moment ago, so that a port that has just come is mirrored after one listing a site. */
  readonly frames?: Map<string, SiteFrame>;
  /** Throws when another controller has taken over. Left out: nothing is changed. */
  readonly keep?: () => Promise<void>;
  /** The active border gateways, and who orders their tables; for networks of that mode. */
  readonly ends?: () => GatewayEnds;
  /** By site: the tunnel end that its hypervisors were told last; kept up. */
  readonly told?: Map<string, string>;
  readonly order?: (views: readonly SiteView[]) => Promise<readonly Finding[]>;
}

export interface Turn {
  readonly report: ReconcileReport;
  readonly placed: readonly string[];
  /** Virtual agents that each site must go on hearing of. */
  readonly agents: ReadonlyMap<string, readonly RemoteVtep[]>;
  readonly changed: boolean;
  /** What each site that could be asked has now. */
  readonly views: readonly SiteView[];
  /** Something is left that the next turn should do. */
  readonly left: boolean;
}

/** One comparison of a network's ports at all its sites, and (with `keep`) the repair of what differs. */
export async function takeTurn(deps: Deps, record: NetworkRecord, options: TurnOptions): Promise<Turn> {
  const { signal, keep, frames = new Map<string, SiteFrame>() } = options;
  const project = projectOf(record.project);
  const unreachable = new Map<string, { site: string; code: string; message: string }>();
  const findings: Finding[] = [];
  const before = await deps.store.report(record.id);
  const placedBefore = new Map(before?.placed.map((p) => [p.slice(0, p.lastIndexOf(' ')), p.slice(p.lastIndexOf(' ') + 1)]));
  const now = (): string => deps.clock.now().toISOString();

  const look = async (only?: ReadonlySet<string>): Promise<SiteView[]> => {
    const sites = record.sites.filter((s) => only?.has(s.site) ?? true);
    const views = await Promise.all(sites.map(async ({ site: name, networkId }) => {
      if (networkId === undefined) return undefined;
      try {
        const site = deps.sites.get(name);
        const frame = frames.get(name) ?? (await readFrame(site, deps.driver, project, networkId, signal));
        frames.set(name, frame);
        if (!frame.exists) {
          frames.delete(name);
          findings.push({ code: 'GW_NETWORK_GONE', site: name, resource: `network ${networkId}`, message: `${name}: network ${networkId} was deleted`, action: 'godwit network unstretch, then stretch it anew.' });
          return undefined;
        }
        return await readPorts(site, project, record.id, frame, signal);
      } catch (error) {
        signal.throwIfAborted();
        frames.delete(name);
        const { code, message } = toGodwitError(error, { site: name });
        unreachable.set(name, { site: name, code, message });
        return undefined;
      }
    }));
    return views.filter((v) => v !== undefined);
  };
  const planAll = (views: readonly SiteView[]): SitePlanOfChanges[] => views.map((v) => planSite(record.id, v, views.filter((o) => o !== v), placedBefore, record.moved, record.request.mode === 'gateway' ? { via: options.ends?.().get(v.site)?.siteAddress, vni: record.sites.find((s) => s.site === v.site)?.vni, told: options.told?.get(v.site) } : undefined));

  const cached = frames.size > 0;
  let views = await look();
  let plans = planAll(views);
  // What was not known a moment ago may be new: a hypervisor, a group, an agent's row.
  if (cached && plans.some((p) => p.findings.length > 0 || p.create.length > 0 || p.agents.some((a) => a.due))) {
    frames.clear();
    views = await look();
    plans = planAll(views);
  }
  // First the way, then who is told to take it.
  if (keep && options.order) findings.push(...(await options.order(views)));
  const outcomes = new Map<string, Applied>();
  const busy = plans.filter(hasWork);
  if (keep) {
    await Promise.all(busy.map(async (plan) => outcomes.set(plan.site, await apply(plan, { driver: deps.driver, site: deps.sites.get(plan.site), project, networkId: record.sites.find((s) => s.site === plan.site)?.networkId ?? '', keep, signal }))));
    for (const { site, redirect } of busy) if (redirect && !redirect.hosts.some((host) => outcomes.get(site)?.failed.has(`host ${host}`) === true)) options.told?.set(site, redirect.to);
    if (busy.length > 0) {
      // Looked at, not believed.
      const touched = new Set(busy.map((p) => p.site));
      for (const site of touched) frames.delete(site);
      const after = await look(touched);
      views = views.map((v) => after.find((a) => a.site === v.site) ?? v);
    }
  }
  const left = keep && busy.length > 0 ? planAll(views) : plans;
  const failures = [...outcomes.values()].flatMap((o) => [...o.failed.values()]);
  const undone = (plan: SitePlanOfChanges, of: string): boolean => {
    const rest = left.find((p) => p.site === plan.site);
    return keep === undefined || !rest || [...rest.create.map((w) => w.key), ...rest.change.map((c) => c.wanted.key), ...rest.up.map((u) => u.key), ...rest.agents.filter((a) => a.due).map((a) => a.host)].includes(of);
  };
  const drift: Drift[] = plans.flatMap((plan) => plan.drift.map((d) => ({ ...d, at: now(), repaired: !undone(plan, d.of) })));
  const open = left.filter(hasWork).length > 0;
  const all = [...findings, ...left.flatMap((p) => p.findings), ...failures];
  const report: ReconcileReport = {
    at: now(),
    inStep: !open && all.length === 0 && unreachable.size === 0 && drift.every((d) => d.repaired),
    ports: views.reduce((n, v) => n + v.local.filter((p) => p.host !== '').length, 0),
    remotePorts: views.reduce((n, v) => n + v.mirrors.length, 0),
    drift,
    history: [...(before?.report.drift ?? []), ...(before?.report.history ?? [])].slice(0, HISTORY),
    findings: dedupe(all),
    unreachable: [...unreachable.values()],
  };
  const seen = new Set(views.map((v) => v.site));
  // Of a site that could not be asked, what was there; and of one whose ports are not known now, too.
  const kept = [...placedBefore].filter(([key]) => !seen.has(key.slice(0, key.indexOf(' '))));
  const placed = [...kept.map(([key, digest]) => `${key} ${digest}`), ...views.flatMap((v) => v.mirrors.flatMap((m) => {
    const key = `${m.from}/${m.source}`;
    const digest = left.find((p) => p.site === v.site)?.wanted.get(key) ?? placedBefore.get(`${v.site} ${key}`);
    return digest === undefined ? [] : [`${v.site} ${key} ${digest}`];
  }))];
  return { report, placed, agents: new Map(left.map((p) => [p.site, p.agents])), changed: busy.length > 0, views, left: open };
}

const hasWork = (p: SitePlanOfChanges): boolean => p.create.length + p.change.length + p.remove.length + p.up.length + p.down.length > 0 || p.agents.some((a) => a.due) || p.redirect !== undefined;

function dedupe(findings: readonly Finding[]): Finding[] {
  const seen = new Map(findings.map((f) => [`${f.code}|${f.site ?? ''}|${f.message}`, f]));
  return [...seen.values()];
}

/** Of a turn whose right was lost: nothing more is changed, the other controller goes on. */
export const takenOver = (name: string): GodwitError => new GodwitError('GW_NETWORK_HELD', 'retryable', `another controller keeps network ${name} in step`, { resource: `network ${name}` });
