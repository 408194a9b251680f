import { randomUUID } from 'node:crypto';
import { callerProject, GodwitError, projectKey, projectOf, type SiteRegistry, toGodwitError } from '@godwit/sites';
import type { Engine } from '@godwit/workflow';
import { type Caller } from './caller.ts';
import type { Clock, Deps } from './deps.ts';
import { l2populationDriver } from './driver/l2population.ts';
import type { Driver } from './driver/types.ts';
import { gatewayViews } from './gateway/view.ts';
import type { GatewayNodes } from './gateway/types.ts';
import { giveWay, type Move, takeBack } from './moved.ts';
import { Keeper, type KeeperOptions } from './reconcile/keeper.ts';
import { readFrame, readPorts } from './reconcile/observe.ts';
import { takeTurn } from './reconcile/turn.ts';
import { stretchRequestSchema, type BorderGateway, type Finding, type ReconcileReport, type RemotePort, type StretchedNetwork, type StretchReport, type StretchRequestInput } from './schemas.ts';
import type { NetworkRecord, NetworkStore } from './store/types.ts';
import { findingOf } from './reconcile/apply.ts';
import { resolve } from './stretch/resolve.ts';
import { createVips, type VipService } from './vip/service.ts';
import type { GroupPlace } from './vip/types.ts';
import { stretchWorkflow, unstretchWorkflow } from './stretch/workflows.ts';

export interface NetworkOptions {
  /** Not started yet: workflows are defined on it here. */
  readonly engine: Engine;
  readonly sites: SiteRegistry;
  readonly store: NetworkStore;
  readonly clock: Clock;
  readonly log: Deps['log'];
  /** Unique among the controllers of a database. */
  readonly holder: string;
  /** Default: ML2/OVS with l2population. */
  readonly driver?: Driver;
  /** The border gateways' agents. */
  readonly gateways?: GatewayNodes | undefined;
  /** Where protection groups are active: virtual IPs that belong to one are held only there. */
  readonly groups?: GroupPlace;
  readonly keeper?: Omit<KeeperOptions, 'holder' | 'groups'>;
}

/** Use case 2 as the server offers it. Everything throws GodwitError. What another project owns is as unknown as what is not there. */
export interface NetworkService extends VipService {
  /** What stretching would do, or all the reasons why it would be refused. */
  preflight(caller: Caller, request: StretchRequestInput): Promise<StretchReport>;
  stretch(caller: Caller, request: StretchRequestInput): Promise<{ jobId: string; id: string }>;
  /** @param options.lost sites that are not asked: what is there stays, and the network is forgotten only when they are back, or said to be lost again */
  unstretch(caller: Caller, network: string, options: { readonly keep: boolean; readonly lost?: readonly string[] }): Promise<{ jobId: string }>;
  list(caller: Caller): Promise<StretchedNetwork[]>;
  show(caller: Caller, network: string): Promise<StretchedNetwork>;
  /** Compares now, and changes nothing. */
  check(caller: Caller, network: string): Promise<ReconcileReport>;
  remotePorts(caller: Caller, network?: string): Promise<{ remotePorts: RemotePort[]; unreachable: { site: string; code: string; message: string }[] }>;
  /** Border gateways of all sites. Throws GW_ROLE_REQUIRED: they are nobody's own. */
  borderGateways(caller: Caller): Promise<BorderGateway[]>;
  /** For recoveries: what stands at a site for a member that comes to it goes, and stays away. */
  giveWay(move: Move): Promise<void>;
  takeBack(move: Move): Promise<void>;
  start(): void;
  close(): Promise<void>;
}

/** Records of before there were modes have none. */
const modeOf = (r: NetworkRecord): StretchedNetwork['mode'] => r.request.mode ?? 'direct';

/** Defines its workflows on the engine, so call it before engine.start(). */
export function createNetworkService(options: NetworkOptions): NetworkService {
  const { engine, holder, groups, gateways, keeper: keeperOptions, ...rest } = options;
  const deps: Deps = { ...rest, ...(gateways && { gateways }), driver: options.driver ?? l2populationDriver(() => options.clock.now()) };
  const { store, sites } = deps;
  const keeper = new Keeper(deps, { holder, groups, ...keeperOptions });
  const stretching = engine.define(stretchWorkflow(deps, keeper));
  const unstretching = engine.define(unstretchWorkflow(deps));

  const records = (caller: Caller): Promise<NetworkRecord[]> => store.list(caller.admin ? undefined : projectKey(callerProject(caller)));
  const find = async (caller: Caller, name: string): Promise<NetworkRecord> => {
    const own = caller.project ? projectKey(caller.project) : '';
    const found = (await records(caller)).filter((r) => r.id === name || r.name === name).toSorted((a, b) => Number(b.project === own) - Number(a.project === own))[0];
    if (found) return found;
    throw new GodwitError('GW_STRETCHED_UNKNOWN', 'terminal', `this project has no stretched network ${name}`, { resource: `network ${name}`, action: 'godwit network list shows those there are.' });
  };
  const recordOf = (caller: Caller, input: StretchRequestInput): NetworkRecord => {
    const request = stretchRequestSchema.parse(input);
    const project = projectKey(callerProject(caller));
    for (const { site } of request.sites) sites.get(site);
    if (new Set(request.sites.map((s) => s.site)).size < request.sites.length) throw new GodwitError('GW_STRETCH_INVALID', 'terminal', `network ${request.name}: a site is named twice`, { action: 'Name each site once.' });
    if (request.vni !== undefined && !caller.admin) throw new GodwitError('GW_ROLE_REQUIRED', 'terminal', `${caller.userName} needs the role admin to choose a VNI`, { action: 'Leave the choice to Godwit, or ask an administrator of Godwit.' });
    return { id: randomUUID(), project, name: request.name, state: 'Stretching', request, sites: [] };
  };
  const view = async (r: NetworkRecord): Promise<StretchedNetwork> => {
    const last = await store.report(r.id);
    return { id: r.id, name: r.name, project: r.project, state: r.state, mode: modeOf(r), ...(r.vni !== undefined && { vni: r.vni }), ...(r.transitVni !== undefined && { transitVni: r.transitVni }), ...(r.cidr !== undefined && { cidr: r.cidr }), ...(r.mtu !== undefined && { mtu: r.mtu }), sites: [...r.sites], ...(last && { lastReport: last.report }) };
  };
  const taken = (name: string): Finding => ({ code: 'GW_STRETCHED_EXISTS', message: `this project has a stretched network ${name} already`, resource: `network ${name}`, action: 'Choose another name.' });
  const labels = (r: NetworkRecord, kind: string) => ({ project: r.project, kind, network: r.name });

  return {
    ...createVips(deps, { keeper, findNetwork: find, groups }),
    async preflight(caller, input) {
      const record = recordOf(caller, input);
      const report = await resolve(deps, record);
      const there = (await store.list(record.project)).some((r) => r.name === record.name);
      return there ? { ...report, ok: false, findings: [taken(record.name), ...report.findings], plan: [] } : report;
    },
    async stretch(caller, input) {
      const record = recordOf(caller, input);
      if (!(await store.insert(record))) throw new GodwitError('GW_STRETCHED_EXISTS', 'terminal', taken(record.name).message, { resource: `network ${record.name}`, action: 'Choose another name.' });
      const jobId = await stretching.submit({ id: record.id }, { key: `network/${record.id}`, labels: labels(record, 'network-stretch') }).catch(async (error: unknown) => {
        await store.delete(record.id);
        throw error;
      });
      return { jobId, id: record.id };
    },
    async unstretch(caller, name, { keep, lost = [] }) {
      const record = await find(caller, name);
      const foreign = lost.find((site) => !record.sites.some((s) => s.site === site));
      if (foreign !== undefined) throw new GodwitError('GW_STRETCH_INVALID', 'terminal', `network ${record.name} is not stretched to ${foreign}`, { site: foreign, action: `It is at ${record.sites.map((s) => s.site).join(', ')}.` });
      return { jobId: await unstretching.submit({ id: record.id, keep, lost }, { key: `network/${record.id}`, labels: labels(record, 'network-unstretch') }) };
    },
    list: async (caller) => Promise.all((await records(caller)).map(view)),
    show: async (caller, name) => view(await find(caller, name)),
    async check(caller, name) {
      const record = await find(caller, name);
      const turn = await takeTurn(deps, record, { signal: AbortSignal.timeout(60_000), ends: () => keeper.gate?.ends() ?? new Map() });
      const backends = await Promise.all(record.sites.map(async ({ site: s }): Promise<readonly Finding[]> => {
        try {
          const site = sites.get(s);
          await site.rpc().ready(5_000);
          return deps.driver.unfit(site, await site.admin.network.agents.list());
        } catch (error) {
          return [findingOf(error, s, `site ${s}`)];
        }
      }));
      const findings = [...turn.report.findings, ...backends.flat()];
      return { ...turn.report, findings, inStep: turn.report.inStep && findings.length === 0 };
    },
    async remotePorts(caller, name) {
      const chosen = name === undefined ? await records(caller) : [await find(caller, name)];
      const unreachable = new Map<string, { site: string; code: string; message: string }>();
      const lists = await Promise.all(chosen.flatMap((r) => r.sites.map(async ({ site: s, networkId }): Promise<RemotePort[]> => {
        if (networkId === undefined) return [];
        try {
          const site = sites.get(s);
          const frame = await readFrame(site, deps.driver, projectOf(r.project), networkId);
          const seen = await readPorts(site, projectOf(r.project), r.id, frame);
          return seen.mirrors.map((m) => {
            const vtep = frame.virtual.get(m.host)?.vtep;
            return { id: m.id, network: r.name, site: s, from: m.from, source: m.source, mac: m.mac, ips: [...m.ips], ...(vtep !== undefined && { vtep }), agent: m.host, status: m.active ? 'ACTIVE' : 'DOWN', bound: m.bound };
          });
        } catch (error) {
          const { code, message } = toGodwitError(error, { site: s });
          unreachable.set(s, { site: s, code, message });
          return [];
        }
      })));
      return { remotePorts: lists.flat(), unreachable: [...unreachable.values()] };
    },
    async borderGateways(caller) {
      if (!caller.admin) throw new GodwitError('GW_ROLE_REQUIRED', 'terminal', `${caller.userName} needs the role admin to see border gateways`, { action: 'Ask an administrator of Godwit.' });
      return keeper.gate ? gatewayViews(keeper.gate, await store.list()) : [];
    },
    giveWay: (move) => giveWay(deps, move),
    takeBack: (move) => takeBack(deps, move),
    start: () => keeper.start(),
    close: () => keeper.close(),
  };
}
