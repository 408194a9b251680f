import type { Network } from '@godwit/openstack';
import { at, projectOf, type Site } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { networkMark, readPortMark, REMOTE } from '../names.ts';
import type { SitePlan } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';

export interface MadeNetwork {
  readonly site: string;
  readonly networkId: string;
  readonly subnetId: string;
  readonly mtu: number;
  /** Where each site has its own. */
  readonly vni?: number;
}

export const ourNetwork = async (site: Site, record: NetworkRecord): Promise<Network | undefined> =>
  (await site.asProject(projectOf(record.project)).network.networks.list({ description: networkMark(record.id) }))[0];

/** The network and its subnet at one site; what an earlier try has made is found by its description. */
export async function makeAt(deps: Deps, record: NetworkRecord, plan: SitePlan, s: StepContext): Promise<MadeNetwork> {
  const site = deps.sites.get(plan.site);
  const { network } = site.asProject(projectOf(record.project));
  s.progress({ phase: 'MakingNetwork', item: plan.site });
  return at(plan.site, async () => {
    const description = networkMark(record.id);
    const call = { signal: s.signal };
    const net = plan.networkId === undefined
      ? ((await ourNetwork(site, record)) ?? (await network.networks.create({ name: record.name, description, 'provider:network_type': 'vxlan', ...(record.request.mode !== 'gateway' && { 'provider:segmentation_id': record.vni }), ...(record.mtu !== undefined && { mtu: record.mtu }) }, call)))
      : await network.networks.get(plan.networkId, call);
    const { id } = net;
    const there = (await network.subnets.list({ network_id: id }, call))[0];
    const subnet = there ?? (await network.subnets.create({
      network_id: id, name: record.name, description, ip_version: 4, cidr: record.cidr, gateway_ip: plan.gateway, enable_dhcp: record.request.dhcp, dns_nameservers: record.request.dns,
      allocation_pools: plan.pool.split(',').map((p) => ({ start: p.split('-')[0], end: p.split('-')[1] })),
    }, call));
    // In mode gateway each Neutron gives a VNI of its own choice; what it chose a member may not see, an administrator may.
    const vni = record.request.mode === 'gateway' ? (net['provider:segmentation_id'] ?? (await site.admin.network.networks.get(id, call))['provider:segmentation_id'] ?? undefined) : undefined;
    return { site: plan.site, networkId: id, subnetId: subnet.id, mtu: net.mtu ?? 0, ...(vni !== undefined && { vni }) };
  }, `network ${record.name}`);
}

/** Sites whose underlays differ would give networks of different MTU: large packets would vanish. The smallest holds for all. */
export async function levelMtu(deps: Deps, record: NetworkRecord, made: readonly MadeNetwork[], s: StepContext, most = Infinity): Promise<number> {
  const smallest = Math.min(most, ...made.map((m) => m.mtu));
  for (const m of made) {
    if (m.mtu === smallest) continue;
    await at(m.site, () => deps.sites.get(m.site).asProject(projectOf(record.project)).network.networks.update(m.networkId, { mtu: smallest }, { signal: s.signal }), `network ${m.networkId}`);
  }
  return smallest;
}

/** The remote ports at a site that this network's are. Somebody else's are left alone. */
export async function clearRemotePorts(deps: Deps, record: NetworkRecord, name: string, networkId: string, s: StepContext): Promise<number> {
  const { ports } = deps.sites.get(name).asProject(projectOf(record.project)).network;
  return at(name, async () => {
    const ours = (await ports.list({ network_id: networkId, device_owner: REMOTE }, { signal: s.signal })).filter((p) => readPortMark(p.description)?.network === record.id);
    for (const [n, port] of ours.entries()) {
      s.signal.throwIfAborted();
      await ports.delete(port.id).catch((error: unknown) => {
        if ((error as { code?: string }).code !== 'OS_NOT_FOUND') throw error;
      });
      s.progress({ phase: 'RemovingRemotePorts', item: name, done: n + 1, total: ours.length, unit: 'steps' });
    }
    return ours.length;
  }, `remote ports of ${record.name}`);
}

/** Deletes a network that we made, unless somebody's ports are on it. undefined: it is gone. */
export async function removeAt(deps: Deps, record: NetworkRecord, name: string): Promise<{ site: string; networkId: string; reason: string } | undefined> {
  const site = deps.sites.get(name);
  return at(name, async () => {
    const net = await ourNetwork(site, record);
    if (!net) return undefined;
    const { network } = site.asProject(projectOf(record.project));
    // DHCP's own go with the network.
    const used = (await network.ports.list({ network_id: net.id })).filter((p) => p.device_owner !== 'network:dhcp');
    if (used.length > 0) return { site: name, networkId: net.id, reason: `${used.length} ports are on it` };
    await network.networks.delete(net.id);
    return undefined;
  }, `network ${record.name}`);
}

