import type { Agent, Network, Port, Subnet } from '@godwit/openstack';
import { at, projectIdAt, projectOf, type Site } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { networkMark } from '../names.ts';
import type { Finding, SitePlan, StretchReport } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
import type { GatewayNode } from '../gateway/types.ts';
import { findingOf } from '../reconcile/apply.ts';
import { planAddresses } from './addresses.ts';

/** What a site says before anything is changed. */
interface Seen {
  readonly site: Site;
  readonly adopted?: { readonly network: Network; readonly subnets: readonly Subnet[]; readonly ports: readonly Port[] };
  /** That an earlier try of this very job has made. */
  readonly ours?: Network;
  readonly vnis: ReadonlySet<number>;
  readonly vteps: readonly string[];
  readonly findings: readonly Finding[];
}

const FIRST_VNI = 70_000;
/** Between border gateways, where no site's Neutron gives any away. */
const FIRST_TRANSIT_VNI = 9_000_000;

/** How a network is to be at each site, or all the reasons why it cannot be. Nothing is changed. */
export async function resolve(deps: Deps, record: NetworkRecord): Promise<StretchReport> {
  const { request } = record;
  const findings: Finding[] = [];
  const seen = (await Promise.all(request.sites.map(async (wish) => {
    try {
      return await look(deps, record, wish);
    } catch (error) {
      findings.push(findingOf(error, wish.site, `site ${wish.site}`));
      return undefined;
    }
  }))).filter((s) => s !== undefined);
  findings.push(...seen.flatMap((s) => s.findings));
  const adopted = seen.flatMap((s) => (s.adopted ? [{ site: s.site.name, ...s.adopted }] : []));
  const through = request.mode === 'gateway';
  findings.push(...(through ? await unfitGateways(deps, record, seen) : vtepClashes(seen)), ...mismatches(record, adopted), ...portClashes(adopted));
  if (through && request.vni !== undefined) findings.push({ code: 'GW_STRETCH_INVALID', message: 'behind border gateways each site has a VNI of its own', action: 'Leave out --vni.' });

  const vni = through ? undefined : await chooseVni(deps, record, seen, adopted.map((a) => a.network), findings);
  const transitVni = through ? await chooseTransit(deps, record) : undefined;
  const addresses = planAddresses(request, adopted);
  findings.push(...addresses.findings);
  const mtu = request.mtu ?? adopted[0]?.network.mtu ?? undefined;
  const sites: SitePlan[] = request.sites.flatMap((wish) => {
    const share = addresses.sites.get(wish.site);
    const at = adopted.find((a) => a.site === wish.site);
    return share ? [{ site: wish.site, adopted: at !== undefined, ...(at && { networkId: at.network.id, ...(at.subnets[0] && { subnetId: at.subnets[0].id }) }), ...share }] : [];
  });
  const ok = findings.length === 0;
  return {
    ok, network: record.name, mode: request.mode, findings, sites, ...(transitVni !== undefined && { transitVni }), ...(vni !== undefined && { vni }), ...(addresses.cidr !== undefined && { cidr: addresses.cidr }), ...(mtu !== undefined && { mtu }),
    plan: ok ? [...sites.map((s) => (s.adopted ? `${s.site}: adopt network ${s.networkId ?? ''} as it is, with ${s.pool}` : `${s.site}: make network ${record.name} with ${through ? 'a VNI of its own' : `VNI ${String(vni)}`}, subnet ${addresses.cidr ?? ''}, addresses ${s.pool}, gateway ${s.gateway ?? 'none'}`)), through ? `mirror each site’s ports at the others, bound to a virtual agent with the site’s own border gateway; between gateways VNI ${String(transitVni)}` : 'mirror each site’s ports at the others, bound to one virtual agent for each remote hypervisor'] : [],
  };
}

async function look(deps: Deps, record: NetworkRecord, wish: NetworkRecord['request']['sites'][number]): Promise<Seen> {
  const site = deps.sites.get(wish.site);
  const projectId = await projectIdAt(site, projectOf(record.project));
  const { network } = site.asProject(projectOf(record.project));
  return at(site.name, async () => {
    const [agents, all] = await Promise.all([network.agents.list(), site.admin.network.networks.list(), site.rpc().ready()]);
    const findings: Finding[] = [...deps.driver.unfit(site, agents)];
    const own = all.filter((n) => (n.project_id ?? n.tenant_id) === projectId);
    const ours = own.find((n) => n.description === networkMark(record.id));
    const named = own.filter((n) => n.name === record.name && n !== ours);
    const vnis = new Set(all.filter((n) => n !== ours && n['provider:network_type'] === 'vxlan').flatMap((n) => n['provider:segmentation_id'] ?? []));
    const vteps = agents.flatMap((a: Agent) => deps.driver.vtepOf(a) ?? []).filter((v, i, list) => list.indexOf(v) === i);
    const real = new Set(agents.filter((a) => !a.host.startsWith('godwit-remote-')).flatMap((a) => deps.driver.vtepOf(a) ?? []));
    const result = { site, vnis, vteps: vteps.filter((v) => real.has(v)), ...(ours && { ours }) };
    if (wish.network === undefined) {
      if (named[0]) findings.push({ code: 'GW_NETWORK_NAME_TAKEN', site: site.name, resource: `network ${named[0].id}`, message: `${site.name}: the project has a network ${record.name} already`, action: `Adopt it (--network ${site.name}=${record.name}), or choose another name.` });
      return { ...result, findings };
    }
    const wanted = own.filter((n) => n.id === wish.network || n.name === wish.network);
    const found = wanted[0];
    if (!found || wanted.length > 1) {
      findings.push({ code: 'GW_NETWORK_UNKNOWN', site: site.name, resource: `network ${wish.network}`, message: `${site.name}: the project has ${found ? `${wanted.length} networks` : 'no network'} ${wish.network}`, action: 'Name one by its id.' });
      return { ...result, findings };
    }
    const [subnets, ports] = await Promise.all([network.subnets.list({ network_id: found.id }), network.ports.list({ network_id: found.id })]);
    return { ...result, findings, adopted: { network: found, subnets, ports } };
  });
}

type AdoptedAt = { readonly site: string } & NonNullable<Seen['adopted']>;

async function chooseVni(deps: Deps, record: NetworkRecord, seen: readonly Seen[], adopted: readonly Network[], findings: Finding[]): Promise<number | undefined> {
  const given = record.vni ?? record.request.vni ?? adopted[0]?.['provider:segmentation_id'] ?? undefined;
  const others = new Set((await deps.store.list()).filter((r) => r.id !== record.id).flatMap((r) => r.vni ?? []));
  if (given === undefined) {
    for (let vni = FIRST_VNI; ; vni += 1) if (!others.has(vni) && !seen.some((s) => s.vnis.has(vni))) return vni;
  }
  for (const s of seen) {
    if (s.adopted || !s.vnis.has(given)) continue;
    findings.push({ code: 'GW_VNI_TAKEN', site: s.site.name, resource: `VNI ${given}`, message: `${s.site.name}: VNI ${given} is another network’s`, action: 'Choose one that is free at all sites, or leave the choice to Godwit.' });
  }
  return given;
}

async function chooseTransit(deps: Deps, record: NetworkRecord): Promise<number> {
  if (record.transitVni !== undefined) return record.transitVni;
  const taken = new Set((await deps.store.list()).flatMap((r) => r.transitVni ?? []));
  for (let vni = FIRST_TRANSIT_VNI; ; vni += 1) if (!taken.has(vni)) return vni;
}

async function gatewaysOf(deps: Deps, record: NetworkRecord): Promise<GatewayNode[]> {
  return ((await deps.gateways?.list()) ?? []).filter((n) => record.request.sites.some((s) => s.site === n.site));
}

/** The largest MTU that the gateways of all sites carry. One that is down says 0, and is not asked. */
export async function mostThroughGateways(deps: Deps, record: NetworkRecord): Promise<number> {
  return Math.min(...(await gatewaysOf(deps, record)).flatMap(({ report }) => (report ? [report.siteMtu, report.transitMtu] : [])).filter((mtu) => mtu > 0));
}

/** What of the sites' border gateways does not suit. */
async function unfitGateways(deps: Deps, record: NetworkRecord, seen: readonly Seen[]): Promise<Finding[]> {
  const nodes = await gatewaysOf(deps, record);
  const findings: Finding[] = [];
  for (const { site } of record.request.sites) {
    const here = nodes.filter((n) => n.site === site);
    if (here.some((n) => n.connected && n.report !== undefined)) continue;
    findings.push({ code: 'GW_GATEWAY_NONE', site, message: here.length === 0 ? `${site} has no border gateway` : `${site}: its border gateways (${here.map((n) => n.name).join(', ')}) are away`, action: here.length === 0 ? 'Enrol an agent of role gateway there: docs/operators/agent.md.' : 'Look at those nodes: godwit gateway list.' });
  }
  const taken = new Map<string, string>();
  const claim = (key: string, address: string, who: string, site: string): void => {
    const other = taken.get(key);
    if (other !== undefined) findings.push({ code: 'GW_VTEP_SHARED', site, resource: `VTEP ${address}`, message: `${other} and ${who} have the same tunnel address ${address}`, action: 'Each gateway needs addresses of its own.' });
    else taken.set(key, who);
  };
  for (const { site, vteps } of seen) for (const vtep of vteps) claim(`${site.name} ${vtep}`, vtep, `a hypervisor of ${site.name}`, site.name);
  for (const { name, site, report } of nodes) {
    if (!report) continue;
    claim(`${site} ${report.siteAddress}`, report.siteAddress, `gateway ${name}`, site);
    claim(`transit ${report.transitAddress}`, report.transitAddress, `gateway ${name}`, site);
  }
  const most = await mostThroughGateways(deps, record);
  if (record.request.mtu !== undefined && record.request.mtu > most) findings.push({ code: 'GW_GATEWAY_MTU', message: `the border gateways carry networks of MTU ${most}, not ${record.request.mtu}`, action: `Give --mtu ${most} or less, or raise the MTU of their interfaces.` });
  return findings;
}

/** Two hypervisors with one address: packets would go to the wrong one. */
function vtepClashes(seen: readonly Seen[]): Finding[] {
  return seen.flatMap((s, i) => seen.slice(i + 1).flatMap((o) => s.vteps.filter((v) => o.vteps.includes(v)).map((v): Finding => ({
    code: 'GW_VTEP_SHARED', site: o.site.name, resource: `VTEP ${v}`, message: `hypervisors of ${s.site.name} and of ${o.site.name} have the same tunnel address ${v}`, action: 'Sites whose underlays overlap need border gateways.',
  }))));
}

function mismatches(record: NetworkRecord, adopted: readonly AdoptedAt[]): Finding[] {
  const findings: Finding[] = [];
  const [first] = adopted;
  for (const a of adopted) {
    const say = (message: string): void => void findings.push({ code: 'GW_STRETCH_MISMATCH', site: a.site, resource: `network ${a.network.id}`, message: `${a.site}: network ${a.network.name} ${message}`, action: 'Only networks that are alike can be one.' });
    const type = a.network['provider:network_type'];
    if (type !== 'vxlan') say(`is of type ${type ?? 'unknown'}, not vxlan`);
    if (a.network['router:external'] === true) say('is external');
    const v4 = a.subnets.filter((s) => s.ip_version === 4);
    if (a.subnets.length !== 1 || v4.length !== 1) say(`has ${a.subnets.length} subnets; one IPv4 subnet can be stretched`);
    const wantedVni = record.request.vni ?? first?.network['provider:segmentation_id'];
    if (record.request.mode !== 'gateway' && a.network['provider:segmentation_id'] !== wantedVni) say(`has VNI ${String(a.network['provider:segmentation_id'])}, not ${String(wantedVni)}`);
    const mtu = record.request.mtu ?? first?.network.mtu;
    if (a.network.mtu !== mtu) say(`has MTU ${String(a.network.mtu)}, not ${String(mtu)}`);
    const cidr = record.request.cidr ?? first?.subnets[0]?.cidr;
    if (v4[0] && v4[0].cidr !== cidr) say(`has ${v4[0].cidr}, not ${String(cidr)}`);
  }
  return findings;
}

/** Addresses that two sites use already. */
function portClashes(adopted: readonly AdoptedAt[]): Finding[] {
  const findings: Finding[] = [];
  const byAddress = new Map<string, { site: string; port: Port }>();
  for (const { site, ports } of adopted) {
    for (const port of ports) {
      for (const address of [port.mac_address, ...port.fixed_ips.map((f) => f.ip_address)]) {
        const other = byAddress.get(address);
        if (other && other.site !== site) findings.push({ code: 'GW_REMOTE_ADDRESS_TAKEN', site, resource: `port ${port.id}`, message: `${address} is used by ${other.site}’s port ${other.port.id} and by ${site}’s port ${port.id}`, action: 'Give one of them another address.' });
        else byAddress.set(address, { site, port });
      }
    }
  }
  return findings;
}
