import type { Site } from '../core/site.ts';
import { created, noContent, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { defaultPools, parseCidr, toNumber, toText, within } from './addresses.ts';
import { bodyOf, fault, flag, id, invalid, mine, projectFor, stamp, text, type NeutronCall } from './common.ts';
import { list, only } from './list.ts';
import { findNetwork, seesNetwork } from './networks.ts';
import { charge, count } from './quotas.ts';
import type { NeutronState, Subnet } from './state.ts';

const fields = ['id', 'name', 'tenant_id', 'project_id', 'network_id', 'ip_version', 'subnetpool_id', 'enable_dhcp', 'ipv6_ra_mode', 'ipv6_address_mode', 'gateway_ip', 'cidr', 'allocation_pools', 'host_routes', 'dns_nameservers', 'description', 'router:external', 'service_types', 'tags', 'created_at', 'updated_at', 'revision_number', 'prefixlen', 'use_default_subnetpool', 'segment_id', 'dns_publish_fixed_ip'];

const unusable = (message: string) => fault(400, 'InvalidInput', `Invalid input for operation: ${message}.`);

function sees(call: NeutronCall, s: Subnet): boolean {
  const network = call.state.networks.get(s.networkId);
  return mine(call, s.projectId) || (network !== undefined && seesNetwork(call, network));
}

function findSubnet(call: NeutronCall): Subnet {
  const wanted = call.params['id'] ?? '';
  const subnet = call.state.subnets.get(wanted);
  if (!subnet || !sees(call, subnet)) throw fault(404, 'SubnetNotFound', `Subnet ${wanted} could not be found.`);
  return subnet;
}

const view = (s: Subnet, external: boolean): Json => ({
  id: s.id, name: s.name, tenant_id: s.projectId, network_id: s.networkId, ip_version: s.version, subnetpool_id: null, enable_dhcp: s.dhcp, ipv6_ra_mode: null, ipv6_address_mode: null, gateway_ip: s.gateway, cidr: s.cidr, allocation_pools: s.pools,
  host_routes: s.routes, dns_nameservers: s.dns, description: s.description, 'router:external': external, service_types: [], tags: s.tags, created_at: stamp(s.createdAt), updated_at: stamp(s.updatedAt), revision_number: s.revision, project_id: s.projectId,
});
const viewOf = (call: NeutronCall, s: Subnet): Json => view(s, call.state.networks.get(s.networkId)?.external ?? false);

export interface SubnetWish {
  readonly projectId: string;
  readonly networkId: string;
  readonly name: string;
  readonly description?: string;
  readonly cidr: string;
  /** null: none. Left out: the first address. */
  readonly gateway?: string | null | undefined;
  readonly dhcp: boolean;
  readonly pools?: readonly { readonly start: string; readonly end: string }[] | undefined;
  readonly dns?: readonly string[];
}

/** @throws ApiError 400 */
export function makeSubnet(site: Site, state: NeutronState, wish: SubnetWish): Subnet {
  let range;
  try {
    range = parseCidr(wish.cidr);
  } catch (error) {
    throw invalid('cidr', (error as Error).message);
  }
  for (const other of state.subnets.values()) {
    if (other.networkId !== wish.networkId) continue;
    const taken = parseCidr(other.cidr);
    if (taken.version === range.version && range.first <= taken.last && taken.first <= range.last) throw unusable(`Requested subnet with cidr: ${wish.cidr} for network: ${wish.networkId} overlaps with another subnet`);
  }
  const gateway = wish.gateway === undefined ? toText(range.first + 1n, range.version) : wish.gateway;
  for (const { start, end } of wish.pools ?? []) {
    if (!within(range, toNumber(start)) || !within(range, toNumber(end))) throw fault(400, 'OutOfBoundsAllocationPool', `The allocation pool ${start}-${end} spans beyond the subnet cidr ${wish.cidr}.`);
    if (toNumber(start) > toNumber(end)) throw fault(400, 'InvalidAllocationPool', `The allocation pool ${start}-${end} is not valid.`);
    if (gateway !== null && within({ first: toNumber(start), last: toNumber(end) }, toNumber(gateway))) throw fault(409, 'GatewayConflictWithAllocationPools', `Gateway ip ${gateway} conflicts with allocation pool ${start}-${end}.`);
  }
  const now = site.now();
  const subnet: Subnet = {
    id: site.random.uuid(), projectId: wish.projectId, name: wish.name, description: wish.description ?? '', createdAt: now, updatedAt: now, revision: 0, tags: [], networkId: wish.networkId, cidr: wish.cidr, version: range.version, gateway, dhcp: wish.dhcp,
    pools: [...(wish.pools ?? defaultPools(range, gateway === null ? undefined : toNumber(gateway)))], dns: [...(wish.dns ?? [])], routes: [],
  };
  state.subnets.set(subnet.id, subnet);
  const network = state.networks.get(wish.networkId);
  if (network) network.revision += 1;
  return subnet;
}

function create(call: NeutronCall): Answer {
  const { state, site } = call;
  const body = bodyOf(call, 'subnet', fields);
  const network = findNetwork(call, id('network_id', body['network_id']));
  const projectId = projectFor(call, body);
  if (!mine(call, network.projectId)) throw fault(404, 'NetworkNotFound', `Network ${network.id} could not be found.`);
  const gateway = body['gateway_ip'];
  const pools = body['allocation_pools'];
  charge(state, projectId, 'subnet');
  try {
    const subnet = makeSubnet(site, state, {
      projectId, networkId: network.id, name: text(body, 'name', ''), description: text(body, 'description', ''), cidr: text(body, 'cidr', ''), dhcp: flag(body, 'enable_dhcp', true), gateway: gateway === undefined ? undefined : (gateway as string | null),
      pools: Array.isArray(pools) && pools.length > 0 ? (pools as { start: string; end: string }[]) : undefined, dns: Array.isArray(body['dns_nameservers']) ? (body['dns_nameservers'] as string[]) : [],
    });
    return created({ subnet: viewOf(call, subnet) });
  } catch (error) {
    count(state, projectId, 'subnet', -1);
    throw error;
  }
}

function update(call: NeutronCall): Answer {
  const subnet = findSubnet(call);
  const body = bodyOf(call, 'subnet', fields);
  subnet.name = text(body, 'name', subnet.name);
  subnet.description = text(body, 'description', subnet.description ?? '');
  subnet.dhcp = flag(body, 'enable_dhcp', subnet.dhcp);
  if ('gateway_ip' in body) subnet.gateway = body['gateway_ip'] as string | null;
  if (Array.isArray(body['dns_nameservers'])) subnet.dns = body['dns_nameservers'] as string[];
  if (Array.isArray(body['host_routes'])) subnet.routes = body['host_routes'] as Subnet['routes'];
  if (Array.isArray(body['allocation_pools'])) subnet.pools = body['allocation_pools'] as Subnet['pools'];
  subnet.updatedAt = call.site.now();
  subnet.revision += 1;
  return ok({ subnet: viewOf(call, subnet) });
}

function remove(call: NeutronCall): Answer {
  const { state } = call;
  const subnet = findSubnet(call);
  if (!mine(call, subnet.projectId)) throw fault(403, 'PolicyNotAuthorized', 'rule:delete_subnet is disallowed by policy');
  if ([...state.ports.values()].some((p) => p.networkId === subnet.networkId && p.fixedIps.some((f) => f.subnet_id === subnet.id))) throw fault(409, 'SubnetInUse', `Unable to complete operation on subnet ${subnet.id}: One or more ports have an IP allocation from this subnet.`);
  state.subnets.delete(subnet.id);
  count(state, subnet.projectId, 'subnet', -1);
  return noContent;
}

export const subnetRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/subnets', policy: 'any', handler: (call) => list(call, 'subnets', [...call.state.subnets.values()].filter((s) => sees(call, s)).map((s) => viewOf(call, s)), fields) },
  { method: 'POST', path: '/subnets', rule: 'create_subnet', handler: create },
  { method: 'GET', path: '/subnets/:id', policy: 'any', handler: (call) => ok({ subnet: only(viewOf(call, findSubnet(call)), call.query) }) },
  { method: 'PUT', path: '/subnets/:id', rule: 'update_subnet', handler: update },
  { method: 'DELETE', path: '/subnets/:id', rule: 'delete_subnet', handler: remove },
];
