import { at, GodwitError, projectOf } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { GATEWAY_HOST, isVirtualHost } from '../names.ts';
import type { Keeper } from '../reconcile/keeper.ts';
import type { ReconcileReport, StretchReport, UnstretchResult } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
import { clearRemotePorts, levelMtu, makeAt, removeAt } from './make.ts';
import { clearVips } from '../vip/service.ts';
import { mostThroughGateways, resolve } from './resolve.ts';

export interface NetworkInput {
  readonly id: string;
}

export interface UnstretchInput extends NetworkInput {
  /** The networks that Godwit made stay, each for itself. */
  readonly keep: boolean;
  /** Sites that are not asked. */
  readonly lost?: readonly string[];
}

export interface StretchResult {
  readonly network: string;
  readonly plan: StretchReport;
  /** Left out: another controller mirrors the ports. */
  readonly report?: ReconcileReport;
}

const unstretcher = (jobId: string): string => `unstretch ${jobId}`;

async function known(deps: Deps, id: string): Promise<NetworkRecord> {
  const record = await deps.store.get(id);
  if (record) return record;
  throw new GodwitError('GW_STRETCHED_UNKNOWN', 'terminal', `there is no stretched network ${id}`, { resource: `network ${id}`, action: 'godwit network list shows those there are.' });
}

/** The error of a job that was refused; the whole report is in its details. */
export function refuse(report: StretchReport): GodwitError {
  const [first] = report.findings;
  const more = report.findings.length - 1;
  return new GodwitError('GW_PREFLIGHT', 'terminal', `network ${report.network}: ${first?.message ?? 'refused'}${more > 0 ? ` (and ${more} more)` : ''}; nothing was changed`, {
    ...(first?.site ? { site: first.site } : {}), resource: `network ${report.network}`, action: first?.action ?? 'Mend what the report lists, then try again.', details: report,
  });
}

/** preflight → the network at each site, side by side → one MTU → from here on it counts, and the loop keeps it → the ports that are there are mirrored. */
export function stretchWorkflow(deps: Deps, keeper: Keeper): WorkflowDefinition<NetworkInput, StretchResult> {
  return {
    name: 'network-stretch',
    run: async (ctx: WorkflowContext, { id }: NetworkInput) => {
      const plan = await ctx.step('preflight', async (s) => {
        s.progress({ phase: 'Preflight' });
        const report = await settle(deps, id);
        await deps.store.update(id, (r) => ({ ...r, ...(report.vni !== undefined && { vni: report.vni }), ...(report.transitVni !== undefined && { transitVni: report.transitVni }), ...(report.cidr !== undefined && { cidr: report.cidr }), ...(report.mtu !== undefined && { mtu: report.mtu }), sites: report.sites }));
        return report;
      }, { compensate: () => deps.store.delete(id) });
      const made = await ctx.all('make', plan.sites, (p) => p.site, async (p, s) => makeAt(deps, await known(deps, id), p, s), {
        compensate: async (_result, _s, p) => {
          const record = await deps.store.get(id);
          if (record) await removeAt(deps, record, p.site);
        },
      });
      const mtu = await ctx.step('level-mtu', async (s) => {
        const record = await known(deps, id);
        return levelMtu(deps, record, made, s, record.request.mode === 'gateway' ? await mostThroughGateways(deps, record) : Infinity);
      });
      await ctx.step('conclude', async () => {
        await deps.store.update(id, (r) => ({ ...r, state: 'Active', mtu, sites: plan.sites.map((p) => ({ ...p, ...pick(made.find((m) => m.site === p.site)) })) }));
      }, { uncancellable: true });
      // From here on nothing is undone: what is not mirrored now, the loop mirrors.
      const report = await ctx.step('mirror', async (s) => {
        s.progress({ phase: 'MirroringPorts' });
        return (await keeper.now(await known(deps, id), s.signal)) ?? null;
      }, { attempts: 1 });
      return { network: id, plan, ...(report && { report }) };
    },
  };
}

/** A plan whose VNI is this network's alone: two that are stretched at the same time would choose the same free one. */
async function settle(deps: Deps, id: string): Promise<StretchReport> {
  for (;;) {
    const record = await known(deps, id);
    const report = await resolve(deps, record);
    if (!report.ok) throw refuse(report);
    // Behind border gateways it is the one between them.
    const chosen = report.transitVni ?? report.vni;
    const given = report.transitVni === undefined ? (record.vni ?? record.request.vni ?? (report.sites.some((p) => p.adopted) ? report.vni : undefined)) : record.transitVni;
    if (given !== undefined || chosen === undefined || (await deps.store.takeVni(id, chosen, report.transitVni === undefined ? 'vni' : 'transitVni'))) return report;
  }
}

const pick = (made: { readonly networkId: string; readonly subnetId: string; readonly vni?: number } | undefined) => (made ? { networkId: made.networkId, subnetId: made.subnetId, ...(made.vni !== undefined && { vni: made.vni }) } : {});

/** the loop lets go → remote ports, then their agents, site by site → networks that we made → forgotten. */
export function unstretchWorkflow(deps: Deps): WorkflowDefinition<UnstretchInput, UnstretchResult> {
  return {
    name: 'network-unstretch',
    run: async (ctx: WorkflowContext, { id, keep, lost = [] }: UnstretchInput) => {
      const record = await ctx.step('stop', (s) => stop(deps, id, s));
      const sites = record.sites.filter((p) => p.networkId !== undefined && !lost.includes(p.site));
      const later = record.sites.filter((p) => p.networkId !== undefined && lost.includes(p.site));
      await ctx.all('clear', sites, (p) => p.site, async (p, s) => {
        await clearVips(deps, record, p.site, p.networkId ?? '');
        await clearRemotePorts(deps, record, p.site, p.networkId ?? '', s);
        await forgetAgents(deps, record, p.site, s);
      });
      const outcomes = await ctx.all('remove', sites.filter((p) => !p.adopted && !keep), (p) => p.site, async (p) => (await removeAt(deps, record, p.site)) ?? null);
      return ctx.step('forget', async () => {
        // What lies at a lost site is known for as long as something else of the network was there to be let go.
        if (later.length > 0 && sites.length > 0) {
          await deps.store.update(id, (r) => ({ ...r, sites: later }));
          await deps.store.release(id, unstretcher(ctx.jobId));
        } else await deps.store.delete(id);
        const left = [...outcomes.filter((o) => o !== null), ...later.map((p) => ({ site: p.site, networkId: p.networkId ?? '', reason: sites.length > 0 ? 'said to be lost: unstretch again when it is back' : 'said to be lost; forgotten' }))];
        return { network: record.name, removed: sites.filter((p) => !p.adopted && !keep && !left.some((l) => l.site === p.site)).map((p) => p.site), left };
      }, { uncancellable: true });
    },
  };
}

/** No controller mirrors ports of it any more, not one that is in the middle of a turn either. */
async function stop(deps: Deps, id: string, s: StepContext): Promise<NetworkRecord> {
  const record = await deps.store.update(id, (r) => ({ ...r, state: 'Unstretching' }));
  if (!record) return known(deps, id);
  for (let tries = 0; ; tries += 1) {
    const now = deps.clock.now();
    if (await deps.store.hold(id, unstretcher(s.jobId), now, new Date(now.getTime() + 24 * 3_600_000))) return record;
    s.signal.throwIfAborted();
    if (tries >= 120) throw new GodwitError('GW_NETWORK_HELD', 'retryable', `another controller still changes network ${record.name}`, { resource: `network ${record.name}`, action: 'It is tried again; look whether that controller hangs.' });
    await deps.clock.sleep(500, s.signal);
  }
}

/** The rows of virtual agents that no port at the site is bound to any more: of any network, of any project. */
async function forgetAgents(deps: Deps, record: NetworkRecord, name: string, s: StepContext): Promise<void> {
  const site = deps.sites.get(name);
  const others = (await deps.store.list()).filter((r) => r.id !== record.id && r.sites.some((p) => p.site === name));
  // Another network's loop reports them: it would only bring them back.
  const sources = new Set(record.sites.map((p) => p.site).filter((from) => from !== name && !others.some((r) => r.sites.some((p) => p.site === from))));
  const lastOfGate = record.request.mode === 'gateway' && !others.some((r) => r.request.mode === 'gateway');
  await at(name, async () => {
    const { network } = site.asProject(projectOf(record.project));
    for (const agent of await network.agents.list({}, { signal: s.signal })) {
      if (!isVirtualHost(agent.host) || !(agent.host === GATEWAY_HOST ? lastOfGate : [...sources].some((from) => agent.host.startsWith(`godwit-remote-${from}-`)))) continue;
      await network.agents.delete(agent.id).catch((error: unknown) => {
        if ((error as { code?: string }).code !== 'OS_NOT_FOUND') throw error;
      });
    }
  }, 'virtual agents');
}
