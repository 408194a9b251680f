import type { Site } from '../core/site.ts';
import { created, noContent, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { allocate, freshMac, type WantedIps } from './allocate.ts';
import { bindPort, portDown } from './binding.ts';
import { bodyOf, checkFields, fault, flag, id, invalid, mine, projectFor, stamp, text, type NeutronCall } from './common.ts';
import { list, only } from './list.ts';
import { findNetwork } from './networks.ts';
import { charge, count } from './quotas.ts';
import { ensureDefaultGroup, findGroup } from './security-groups.ts';
import type { AddressPair, NeutronState, Port } from './state.ts';

const fields = ['id', 'name', 'network_id', 'tenant_id', 'project_id', 'mac_address', 'admin_state_up', 'status', 'device_id', 'device_owner', 'fixed_ips', 'port_security_enabled', 'security_groups', 'binding:vnic_type', 'binding:profile', 'binding:host_id', 'binding:vif_type', 'binding:vif_details', 'allowed_address_pairs', 'extra_dhcp_opts', 'description', 'tags', 'created_at', 'updated_at', 'revision_number', 'dns_name', 'qos_policy_id', 'propagate_uplink_status', 'security_group_ids'];

export function portView(call: NeutronCall, p: Port): Json {
  return {
    id: p.id, name: p.name, network_id: p.networkId, tenant_id: p.projectId, mac_address: p.mac, admin_state_up: p.adminUp, status: p.status, device_id: p.deviceId, device_owner: p.deviceOwner, fixed_ips: p.fixedIps, allowed_address_pairs: p.pairs, extra_dhcp_opts: [],
    security_groups: p.securityGroups, description: p.description, 'binding:vnic_type': p.vnicType,
    ...(call.token.admin || call.token.roles.includes('service') ? { 'binding:profile': p.profile, 'binding:host_id': p.hostId, 'binding:vif_type': p.vifType, 'binding:vif_details': p.vifDetails } : {}),
    port_security_enabled: p.portSecurity, tags: p.tags, created_at: stamp(p.createdAt), updated_at: stamp(p.updatedAt), revision_number: p.revision, project_id: p.projectId,
  };
}

const sees = (call: NeutronCall, p: Port): boolean => mine(call, p.projectId) || (call.state.networks.get(p.networkId)?.projectId === call.token.projectId && call.token.projectId !== undefined);

function findPort(call: NeutronCall): Port {
  const wanted = call.params['id'] ?? '';
  const port = call.state.ports.get(wanted);
  if (!port || !sees(call, port)) throw fault(404, 'PortNotFound', `Port ${wanted} could not be found.`);
  return port;
}

export interface PortWish {
  readonly projectId: string;
  readonly networkId: string;
  readonly mac?: string | undefined;
  readonly fixedIps?: WantedIps;
  readonly securityGroups?: readonly string[] | undefined;
  readonly deviceId?: string;
  readonly deviceOwner?: string;
  readonly name?: string;
  readonly description?: string;
}

/** @throws ApiError 400, 404, 409 */
export function makePort(site: Site, state: NeutronState, wish: PortWish): Port {
  const taken = state.addresses.get(wish.networkId);
  if (!taken) throw fault(404, 'NetworkNotFound', `Network ${wish.networkId} could not be found.`);
  const mac = wish.mac ?? freshMac(site, taken.macs);
  if (taken.macs.has(mac)) throw fault(409, 'MacAddressInUse', `Unable to complete operation for network ${wish.networkId}. The mac address ${mac} is in use.`);
  const portId = site.random.uuid();
  const fixedIps = allocate(site, state, wish.networkId, wish.fixedIps);
  charge(state, wish.projectId, 'port');
  const now = site.now();
  const port: Port = {
    id: portId, projectId: wish.projectId, name: wish.name ?? '', description: wish.description ?? '', createdAt: now, updatedAt: now, revision: 1, tags: [], networkId: wish.networkId, mac, fixedIps, status: 'DOWN', adminUp: true, deviceId: wish.deviceId ?? '',
    deviceOwner: wish.deviceOwner ?? '', securityGroups: [...(wish.securityGroups ?? [ensureDefaultGroup(site, state, wish.projectId).id])], pairs: [], portSecurity: state.networks.get(wish.networkId)?.portSecurity ?? true, vnicType: 'normal', hostId: '', vifType: 'unbound', vifDetails: {}, profile: {},
  };
  taken.macs.set(mac, portId);
  for (const f of fixedIps) taken.ips.set(`${f.subnet_id} ${f.ip_address}`, portId);
  state.ports.set(portId, port);
  setDevice(state, port, port.deviceId);
  return port;
}

export function setDevice(state: NeutronState, port: Port, deviceId: string): void {
  state.ofDevice.get(port.deviceId)?.delete(port.id);
  if (state.ofDevice.get(port.deviceId)?.size === 0) state.ofDevice.delete(port.deviceId);
  port.deviceId = deviceId;
  if (deviceId === '') return;
  const ports = state.ofDevice.get(deviceId) ?? new Set<string>();
  ports.add(port.id);
  state.ofDevice.set(deviceId, ports);
}

export function dropPort(site: Site, state: NeutronState, port: Port): void {
  portDown(site, state, port);
  setDevice(state, port, '');
  state.ports.delete(port.id);
  const taken = state.addresses.get(port.networkId);
  taken?.macs.delete(port.mac);
  for (const f of port.fixedIps) taken?.ips.delete(`${f.subnet_id} ${f.ip_address}`);
  count(state, port.projectId, 'port', -1);
}

/** Fields of POST and PUT that mean the same in both. @throws ApiError */
function setFields(call: NeutronCall, port: Port, body: Json): void {
  const { state } = call;
  port.name = text(body, 'name', port.name);
  port.description = text(body, 'description', port.description ?? '');
  port.adminUp = flag(body, 'admin_state_up', port.adminUp);
  port.deviceOwner = text(body, 'device_owner', port.deviceOwner);
  if ('device_id' in body) setDevice(state, port, text(body, 'device_id', ''));
  port.vnicType = text(body, 'binding:vnic_type', port.vnicType);
  if (typeof body['binding:profile'] === 'object' && body['binding:profile'] !== null) port.profile = body['binding:profile'] as Json;
  port.portSecurity = flag(body, 'port_security_enabled', port.portSecurity);
  if (Array.isArray(body['security_groups'])) port.securityGroups = (body['security_groups'] as string[]).map((g) => findGroup(call, g).id);
  else if (!port.portSecurity && !('security_groups' in body)) port.securityGroups = [];
  if (port.securityGroups.length > 0 && !port.portSecurity) throw fault(400, 'PortSecurityAndIPRequiredForSecurityGroups', 'Port security must be enabled and port must have an IP address in order to use security groups.');
  if (Array.isArray(body['allowed_address_pairs'])) port.pairs = (body['allowed_address_pairs'] as Partial<AddressPair>[]).map((p) => pair(p, port));
  if (port.pairs.length > 0 && !port.portSecurity) throw fault(409, 'AddressPairAndPortSecurityRequired', 'Port Security must be enabled in order to have allowed address pairs on a port.');
}

function pair(given: Partial<AddressPair>, port: Port): AddressPair {
  if (typeof given.ip_address !== 'string') throw fault(400, 'AddressPairMissingIP', 'AddressPair must contain ip_address');
  return { mac_address: given.mac_address ?? port.mac, ip_address: given.ip_address };
}

function macOf(body: Json): string | undefined {
  const mac = body['mac_address'];
  if (mac === undefined || mac === null) return undefined;
  if (typeof mac !== 'string' || !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) throw invalid('mac_address', `'${String(mac)}' is not a valid MAC address.`);
  return mac.toLowerCase();
}

function ipsOf(body: Json): WantedIps {
  const ips = body['fixed_ips'];
  if (!Array.isArray(ips)) return undefined;
  return (ips as Json[]).map((f) => ({ ...('subnet_id' in f ? { subnet_id: id('fixed_ips', f['subnet_id']) } : {}), ...('ip_address' in f ? { ip_address: String(f['ip_address']) } : {}) }));
}

function createOne(call: NeutronCall, body: Json): Port {
  const { state, site } = call;
  const network = findNetwork(call, id('network_id', body['network_id']));
  const owner = mine(call, network.projectId);
  if (!owner && (body['mac_address'] !== undefined || ipsOf(body)?.some((f) => f.ip_address !== undefined) === true)) throw fault(403, 'PolicyNotAuthorized', '(rule:create_port and rule:create_port:fixed_ips) is disallowed by policy');
  if (typeof body['binding:host_id'] === 'string' && body['binding:host_id'] !== '' && !call.token.admin) throw fault(403, 'PolicyNotAuthorized', '(rule:create_port and rule:create_port:binding:host_id) is disallowed by policy');
  const groups = Array.isArray(body['security_groups']) ? (body['security_groups'] as string[]).map((g) => findGroup(call, g).id) : undefined;
  const port = makePort(site, state, { projectId: projectFor(call, body), networkId: network.id, mac: macOf(body), fixedIps: ipsOf(body), securityGroups: groups });
  try {
    setFields(call, port, body);
  } catch (error) {
    dropPort(site, state, port);
    throw error;
  }
  if (typeof body['binding:host_id'] === 'string') {
    port.hostId = body['binding:host_id'];
    bindPort(site, state, port);
  }
  return port;
}

function create(call: NeutronCall): Answer {
  const many = call.body['ports'];
  if (!Array.isArray(many)) return created({ port: portView(call, createOne(call, bodyOf(call, 'port', fields))) });
  const made: Port[] = [];
  try {
    for (const one of many as Json[]) {
      checkFields(one, fields);
      made.push(createOne(call, one));
    }
  } catch (error) {
    // All or nothing.
    for (const port of made) dropPort(call.site, call.state, port);
    throw error;
  }
  return created({ ports: made.map((p) => portView(call, p)) });
}

function update(call: NeutronCall): Answer {
  const { state, site } = call;
  const port = findPort(call);
  const body = bodyOf(call, 'port', fields);
  if (!mine(call, port.projectId)) throw fault(403, 'PolicyNotAuthorized', 'rule:update_port is disallowed by policy');
  const mac = macOf(body);
  const taken = state.addresses.get(port.networkId);
  if (mac !== undefined && mac !== port.mac) {
    if (!call.token.admin) throw fault(403, 'PolicyNotAuthorized', '(rule:update_port and rule:update_port:mac_address) is disallowed by policy');
    if (port.hostId !== '' && port.vifType === 'ovs') throw fault(409, 'PortBound', `Unable to complete operation on port ${port.id}, port is already bound, port type: ovs, old_mac ${port.mac}, new_mac ${mac}.`);
    if (taken?.macs.has(mac) === true) throw fault(409, 'MacAddressInUse', `Unable to complete operation for network ${port.networkId}. The mac address ${mac} is in use.`);
    taken?.macs.delete(port.mac);
    taken?.macs.set(mac, port.id);
    port.mac = mac;
  }
  const ips = ipsOf(body);
  if (ips) {
    const key = (f: Port['fixedIps'][number]): string => `${f.subnet_id} ${f.ip_address}`;
    const fixedIps = allocate(site, state, port.networkId, ips, new Set(port.fixedIps.map(key)));
    for (const f of port.fixedIps) taken?.ips.delete(key(f));
    for (const f of fixedIps) taken?.ips.set(key(f), port.id);
    port.fixedIps = fixedIps;
  }
  setFields(call, port, body);
  const host = body['binding:host_id'];
  if (typeof host === 'string' || host === null) {
    if (!call.token.admin) throw fault(403, 'PolicyNotAuthorized', '(rule:update_port and rule:update_port:binding:host_id) is disallowed by policy');
    // A binding that failed is tried again by naming the same host.
    if ((host ?? '') !== port.hostId || port.vifType === 'binding_failed') {
      portDown(site, state, port);
      port.hostId = host ?? '';
      bindPort(site, state, port);
    }
  }
  port.updatedAt = site.now();
  port.revision += 1;
  return ok({ port: portView(call, port) });
}

function remove(call: NeutronCall): Answer {
  const port = findPort(call);
  if (!mine(call, port.projectId)) throw fault(403, 'PolicyNotAuthorized', 'rule:delete_port is disallowed by policy');
  const server = port.deviceOwner.startsWith('compute:') ? port.deviceId : undefined;
  dropPort(call.site, call.state, port);
  // Neutron tells Nova that an interface is gone.
  if (server !== undefined) call.site.parts.servers?.lostPort(server, port.id);
  return noContent;
}

function listPorts(call: NeutronCall): Answer {
  const device = call.query.get('device_id');
  // The most asked question: the ports of one server, without looking at all.
  const candidates = device === null ? [...call.state.ports.values()] : [...(call.state.ofDevice.get(device) ?? [])].flatMap((p) => call.state.ports.get(p) ?? []);
  return list(call, 'ports', candidates.filter((p) => sees(call, p)).map((p) => portView(call, p)), fields);
}

export const portRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/ports', policy: 'any', handler: listPorts },
  { method: 'POST', path: '/ports', rule: 'create_port', handler: create },
  { method: 'GET', path: '/ports/:id', policy: 'any', handler: (call) => ok({ port: only(portView(call, findPort(call)), call.query) }) },
  { method: 'PUT', path: '/ports/:id', rule: 'update_port', handler: update },
  { method: 'DELETE', path: '/ports/:id', rule: 'delete_port', handler: remove },
];

