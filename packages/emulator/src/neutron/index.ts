import type { Site } from '../core/site.ts';
import { ok, type Json, type ResourceRow, type Route, type ServiceDefinition } from '../http/service.ts';
import { addressGroupRoutes } from './address-groups.ts';
import { agentRoutes } from './agents.ts';
import { neutronErrors, fault } from './common.ts';
import { extensions } from './extensions.ts';
import { makeNetwork, networkRoutes } from './networks.ts';
import { portsPart } from './part.ts';
import { portRoutes } from './ports.ts';
import { count, quotaRoutes } from './quotas.ts';
import { serveRpc } from './rpc.ts';
import { ensureDefaultGroup, securityGroupRoutes } from './security-groups.ts';
import type { Agent, NeutronState } from './state.ts';
import { makeSubnet, subnetRoutes } from './subnets.ts';
import { tagRoutes } from './tags.ts';

const resources = (root: string): Json => ({
  resources: [['network', 'networks'], ['subnet', 'subnets'], ['subnetpool', 'subnetpools'], ['port', 'ports']].map(([name, collection]) => ({ name, collection, links: [{ rel: 'self', href: `${root}/v2.0/${collection ?? ''}` }] })),
});

const otherRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/', policy: 'any', handler: (call) => ok(resources(call.root)) },
  { method: 'GET', path: '/extensions', policy: 'any', handler: () => ok({ extensions: extensions.map((e) => ({ ...e, links: [] })) }) },
  { method: 'GET', path: '/extensions/:alias', policy: 'any', handler: (call) => {
    const alias = call.params['alias'] ?? '';
    const found = extensions.find((e) => e.alias === alias);
    if (!found) throw fault(404, 'HTTPNotFound', `Extension with alias ${alias} does not exist`);
    return ok({ extension: { ...found, links: [] } });
  } },
  { method: 'GET', path: '/availability_zones', policy: 'any', handler: () => ok({ availability_zones: [] }) },
  { method: 'GET', path: '/subnetpools', policy: 'any', handler: () => ok({ subnetpools: [] }) },
  { method: 'GET', path: '/rbac-policies', policy: 'any', handler: () => ok({ rbac_policies: [] }) },
];

/** The hypervisor's L2 agent, as it reports itself. */
function ownAgent(site: Site): Agent {
  const now = site.now();
  return {
    id: site.random.uuid(), type: 'Open vSwitch agent', binary: 'neutron-openvswitch-agent', topic: 'N/A', host: site.host, adminUp: true, createdAt: now, startedAt: now, beatAt: now, own: true,
    configurations: { bridge_mappings: {}, datapath_type: 'netdev', l2_population: true, arp_responder_enabled: true, integration_bridge: 'br-int', ovs_hybrid_plug: false, tunnel_types: ['vxlan'], tunneling_ip: `10.21.${String(site.spec.index % 256)}.10`, extensions: [], devices: 0 },
  };
}

function createState(site: Site): NeutronState {
  const state: NeutronState = {
    networks: new Map(), subnets: new Map(), ports: new Map(), securityGroups: new Map(), addressGroups: new Map(), agents: new Map(), addresses: new Map(), ofDevice: new Map(), quotas: new Map(), used: new Map(),
    times: { startedAt: site.now() }, segments: { next: 1000 + site.random.int(900) },
  };
  const agent = ownAgent(site);
  state.agents.set(agent.id, agent);
  for (const { name, project, subnet } of site.topology.networks) {
    const projectId = site.parts.identity?.projectNamed(project)?.id;
    if (projectId === undefined) continue;
    ensureDefaultGroup(site, state, projectId);
    const network = makeNetwork(site, state, { projectId, name });
    makeSubnet(site, state, { projectId, networkId: network.id, name: subnet.name, cidr: subnet.cidr, gateway: subnet.gateway, dhcp: false, pools: [{ start: subnet.pool[0], end: subnet.pool[1] }] });
    count(state, projectId, 'network', 1);
    count(state, projectId, 'subnet', 1);
  }
  site.parts.ports = portsPart(site, state);
  serveRpc(site, state);
  return state;
}

function* inspect(state: NeutronState): Iterable<ResourceRow> {
  const groupName = (id: string): string => state.securityGroups.get(id)?.name ?? id;
  for (const n of state.networks.values()) yield { kind: 'network', id: n.id, name: n.name, project: n.projectId, status: 'ACTIVE', description: n.description, type: n.type, segment: n.segment, mtu: n.mtu };
  for (const s of state.subnets.values()) yield { kind: 'subnet', id: s.id, name: s.name, project: s.projectId, network: s.networkId, cidr: s.cidr, gateway: s.gateway, dhcp: s.dhcp, pools: s.pools };
  for (const p of state.ports.values()) {
    yield {
      kind: 'port', id: p.id, name: p.name, project: p.projectId, status: p.status, network: p.networkId, mac: p.mac, ips: p.fixedIps.map((f) => f.ip_address), device: p.deviceId, host: p.hostId, description: p.description,
      groups: p.securityGroups.map(groupName), pairs: p.pairs,
    };
  }
  for (const g of state.securityGroups.values()) {
    yield {
      kind: 'security-group', id: g.id, name: g.name, project: g.projectId, description: g.description, stateful: g.stateful, tags: g.tags,
      rules: [...g.rules.values()].map((r) => ({
        direction: r.direction, ethertype: r.ethertype, protocol: r.protocol, min: r.min, max: r.max, prefix: r.remotePrefix, group: r.remoteGroup === null ? null : groupName(r.remoteGroup), addressGroup: r.remoteAddressGroup, description: r.description,
      })),
    };
  }
  for (const a of state.agents.values()) yield { kind: 'network-agent', id: a.id, host: a.host, vtep: a.configurations['tunneling_ip'] };
}

/** Networking as of 2025.1: ML2 with Open vSwitch and l2population. */
export const neutron: ServiceDefinition<NeutronState> = {
  name: 'network',
  catalog: [{ type: 'network', name: 'neutron', path: '' }],
  prefix: '/v2.0',
  errors: neutronErrors,
  rootRoutes: [{ method: 'GET', path: '/', auth: false, handler: (call) => ok({ versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${call.root}/v2.0/` }] }] }) }],
  routes: [...otherRoutes, ...networkRoutes, ...subnetRoutes, ...portRoutes, ...securityGroupRoutes, ...addressGroupRoutes, ...agentRoutes, ...quotaRoutes, ...tagRoutes],
  createState,
  onUp(state, site) {
    state.times.startedAt = site.now();
  },
  inspect,
};
