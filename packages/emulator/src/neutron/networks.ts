import type { Site } from '../core/site.ts';
import { created, noContent, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { bodyOf, fault, flag, mine, projectFor, stamp, text, type NeutronCall } from './common.ts';
import { list, only } from './list.ts';
import { charge, count } from './quotas.ts';
import { ensureDefaultGroup } from './security-groups.ts';
import type { Network, NeutronState } from './state.ts';

const fields = ['id', 'name', 'tenant_id', 'project_id', 'admin_state_up', 'mtu', 'status', 'subnets', 'shared', 'availability_zone_hints', 'availability_zones', 'ipv4_address_scope', 'ipv6_address_scope', 'router:external', 'description', 'port_security_enabled', 'tags', 'created_at', 'updated_at', 'revision_number', 'provider:network_type', 'provider:physical_network', 'provider:segmentation_id', 'is_default', 'dns_domain', 'vlan_transparent', 'segments'];

export const seesNetwork = (call: NeutronCall, n: Network): boolean => n.shared || n.external || mine(call, n.projectId);

/** @throws ApiError 404 */
export function findNetwork(call: NeutronCall, id: string): Network {
  const network = call.state.networks.get(id);
  if (!network || !seesNetwork(call, network)) throw fault(404, 'NetworkNotFound', `Network ${id} could not be found.`);
  return network;
}

export function networkView(call: NeutronCall, n: Network): Json {
  const subnets = [...call.state.subnets.values()].filter((s) => s.networkId === n.id).map((s) => s.id);
  return {
    id: n.id, name: n.name, tenant_id: n.projectId, admin_state_up: n.adminUp, mtu: n.mtu, status: 'ACTIVE', subnets, shared: n.shared, availability_zone_hints: [], availability_zones: [], ipv4_address_scope: null, ipv6_address_scope: null,
    'router:external': n.external, description: n.description, port_security_enabled: n.portSecurity, tags: n.tags, created_at: stamp(n.createdAt), updated_at: stamp(n.updatedAt), revision_number: n.revision, project_id: n.projectId,
    ...(call.token.admin ? { 'provider:network_type': n.type, 'provider:physical_network': n.physical, 'provider:segmentation_id': n.segment } : {}),
  };
}

export interface NetworkWish {
  readonly projectId: string;
  readonly name: string;
  readonly description?: string;
  readonly segment?: number;
  readonly shared?: boolean;
  readonly external?: boolean;
  readonly mtu?: number;
}

export function makeNetwork(site: Site, state: NeutronState, wish: NetworkWish): Network {
  const now = site.now();
  const segment = wish.segment ?? state.segments.next++;
  const network: Network = {
    id: site.random.uuid(), projectId: wish.projectId, name: wish.name, description: wish.description ?? '', createdAt: now, updatedAt: now, revision: 1, tags: [], adminUp: true, mtu: wish.mtu ?? 1450, shared: wish.shared ?? false, external: wish.external ?? false,
    portSecurity: true, type: 'vxlan', physical: null, segment,
  };
  state.networks.set(network.id, network);
  state.addresses.set(network.id, { macs: new Map(), ips: new Map() });
  return network;
}

function create(call: NeutronCall): Answer {
  const { state, site } = call;
  const body = bodyOf(call, 'network', fields);
  const projectId = projectFor(call, body);
  if (['shared', 'router:external', 'provider:segmentation_id', 'provider:network_type'].some((f) => f in body && body[f] !== false) && !call.token.admin) throw fault(403, 'PolicyNotAuthorized', '(rule:create_network and rule:create_network:provider:segmentation_id) is disallowed by policy');
  const segment = body['provider:segmentation_id'];
  if (typeof segment === 'number' && [...state.networks.values()].some((n) => n.segment === segment)) throw fault(409, 'TunnelIdInUse', `Unable to create the network. The tunnel ID ${String(segment)} is in use.`);
  ensureDefaultGroup(site, state, projectId);
  charge(state, projectId, 'network');
  const network = makeNetwork(site, state, { projectId, name: text(body, 'name', ''), description: text(body, 'description', ''), shared: flag(body, 'shared', false), external: flag(body, 'router:external', false), ...(typeof segment === 'number' ? { segment } : {}), ...(typeof body['mtu'] === 'number' && body['mtu'] > 0 ? { mtu: body['mtu'] } : {}) });
  network.portSecurity = flag(body, 'port_security_enabled', true);
  network.adminUp = flag(body, 'admin_state_up', true);
  return created({ network: networkView(call, network) });
}

/** One that the caller may change. */
function own(call: NeutronCall, action: string): Network {
  const network = findNetwork(call, call.params['id'] ?? '');
  if (!mine(call, network.projectId)) throw fault(403, 'PolicyNotAuthorized', `rule:${action} is disallowed by policy`);
  return network;
}

function update(call: NeutronCall): Answer {
  const network = own(call, 'update_network');
  const body = bodyOf(call, 'network', fields);
  network.name = text(body, 'name', network.name);
  network.description = text(body, 'description', network.description ?? '');
  network.adminUp = flag(body, 'admin_state_up', network.adminUp);
  network.shared = flag(body, 'shared', network.shared);
  network.portSecurity = flag(body, 'port_security_enabled', network.portSecurity);
  if (typeof body['mtu'] === 'number') network.mtu = body['mtu'];
  network.updatedAt = call.site.now();
  network.revision += 1;
  return ok({ network: networkView(call, network) });
}

function remove(call: NeutronCall): Answer {
  const { state } = call;
  const network = own(call, 'delete_network');
  const ports = [...state.ports.values()].filter((p) => p.networkId === network.id);
  if (ports.length > 0) throw fault(409, 'NetworkInUse', `Unable to complete operation on network ${network.id}. There are one or more ports still in use on the network, id for these ports is: ${ports.map((p) => p.id).join(',')}.`);
  for (const s of [...state.subnets.values()].filter((x) => x.networkId === network.id)) {
    state.subnets.delete(s.id);
    count(state, s.projectId, 'subnet', -1);
  }
  state.networks.delete(network.id);
  state.addresses.delete(network.id);
  count(state, network.projectId, 'network', -1);
  return noContent;
}

export const networkRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/networks', policy: 'any', handler: (call) => list(call, 'networks', [...call.state.networks.values()].filter((n) => seesNetwork(call, n)).map((n) => networkView(call, n)), fields) },
  { method: 'POST', path: '/networks', rule: 'create_network', handler: create },
  { method: 'GET', path: '/networks/:id', policy: 'any', handler: (call) => ok({ network: only(networkView(call, findNetwork(call, call.params['id'] ?? '')), call.query) }) },
  { method: 'PUT', path: '/networks/:id', rule: 'update_network', handler: update },
  { method: 'DELETE', path: '/networks/:id', rule: 'delete_network', handler: remove },
];
