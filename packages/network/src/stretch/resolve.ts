import type { Agent, Network, Port, Subnet } from '@godwit/openstack';
import { at, projectIdAt, projectOf, type Site } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { networkMark } from '../names.ts';
import type { Finding, SitePlan, StretchReport } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
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
  findings.push(...vtepClashes(seen), ...mismatches(record, adopted), ...portClashes(adopted));

  const vni = await chooseVni(deps, record, seen, adopted.map((a) => a.network), findings);
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
    ok, network: record.name, findings, sites, ...(vni !== undefined && { vni }), ...(addresses.cidr !== undefined && { cidr: addresses.cidr }), ...(mtu !== undefined && { mtu }),
    plan: ok ? [...sites.map((s) => (s.adopted ? `${s.site}: adopt network ${s.networkId ?? ''} as it is, with ${s.pool}` : `${s.site}: make network ${record.name} with VNI ${String(vni)}, subnet ${addresses.cidr ?? ''}, addresses ${s.pool}, gateway ${s.gateway ?? 'none'}`)), 'mirror each site’s ports at the others, bound to one virtual agent for each remote hypervisor'] : [],
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
    if (a.network['provider:segmentation_id'] !== wantedVni) say(`has VNI ${String(a.network['provider:segmentation_id'])}, not ${String(wantedVni)}`);
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
