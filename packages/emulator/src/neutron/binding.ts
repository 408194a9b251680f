import type { Site } from '../core/site.ts';
import type { Agent, NeutronState, Port } from './state.ts';

/** agent_down_time: an agent that was not heard of for so long counts as dead. */
export const AGENT_DOWN_MS = 75_000;
/** How long the L2 agent needs to wire a port, on a real site. */
const WIRE_MS = 500;

/** The site's own agent beats as long as it runs; its silence is compressed as its work is. One played from outside beats in real time. */
export function isAlive(site: Site, agent: Agent): boolean {
  if (!agent.own) return site.now() - agent.beatAt < AGENT_DOWN_MS;
  const since = site.daemonsDown.get('neutron-openvswitch-agent');
  return since === undefined || site.clock.now() - since < AGENT_DOWN_MS / site.clock.speed;
}

const agentOn = (state: NeutronState, host: string): Agent | undefined => [...state.agents.values()].find((a) => a.host === host && a.type === 'Open vSwitch agent');

/** ML2's port binding: by a live agent on the host, or not at all. */
export function bindPort(site: Site, state: NeutronState, port: Port): void {
  const before = port.hostId;
  if (port.hostId === '') {
    Object.assign(port, { vifType: 'unbound', vifDetails: {}, status: 'DOWN' });
    return;
  }
  const agent = agentOn(state, port.hostId);
  if (!agent?.adminUp || !isAlive(site, agent)) {
    Object.assign(port, { vifType: 'binding_failed', vifDetails: {}, status: 'DOWN' });
    return;
  }
  // Of what an agent does not say of itself, nothing is made up.
  const { ovs_hybrid_plug: hybrid = null, datapath_type: datapath = 'system', integration_bridge: bridge } = agent.configurations;
  Object.assign(port, {
    vifType: 'ovs',
    vifDetails: { connectivity: 'l2', port_filter: true, ovs_hybrid_plug: hybrid, datapath_type: datapath, ...(bridge === undefined ? {} : { bridge_name: bridge }), bound_drivers: { 0: 'openvswitch' } },
    status: 'DOWN',
  });
  if (!agent.own) return;
  // The site's own agent sees the tap device as soon as the hypervisor has plugged it, and reports it up.
  site.work(WIRE_MS, () => {
    if (state.ports.get(port.id) === port && port.hostId === before && port.vifType === 'ovs' && port.deviceId !== '' && site.running('neutron-openvswitch-agent')) portUp(site, state, port);
  });
}

const flood = ['00:00:00:00:00:00', '0.0.0.0'];

/** ACTIVE, and every agent hears of it by l2population. */
export function portUp(site: Site, state: NeutronState, port: Port): void {
  if (port.status === 'ACTIVE') return;
  port.status = 'ACTIVE';
  port.updatedAt = site.now();
  announce(site, state, port, 'add_fdb_entries', others(state, port).length === 0);
}

export function portDown(site: Site, state: NeutronState, port: Port): void {
  if (port.status !== 'ACTIVE') return;
  port.status = 'DOWN';
  port.updatedAt = site.now();
  announce(site, state, port, 'remove_fdb_entries', others(state, port).length === 0);
}

/** Ports of the same network that are active at the same host. */
const others = (state: NeutronState, port: Port): Port[] => [...state.ports.values()].filter((p) => p.id !== port.id && p.networkId === port.networkId && p.hostId === port.hostId && p.status === 'ACTIVE');

/** Without the agent's row there is no VTEP to tell of, and l2population says nothing. */
function announce(site: Site, state: NeutronState, port: Port, method: string, firstOrLast: boolean): void {
  // Nobody can listen before somebody has connected.
  if (!site.heard) return;
  const agent = agentOn(state, port.hostId);
  const vtep = agent?.configurations['tunneling_ip'];
  const network = state.networks.get(port.networkId);
  if (typeof vtep !== 'string' || !network) return;
  const entries = [...(firstOrLast ? [flood] : []), ...port.fixedIps.map((f) => [port.mac, f.ip_address])];
  const fdb = { [network.id]: { segment_id: network.segment, network_type: network.type, ports: { [vtep]: entries } } };
  site.rpc().fanout({
    target: { exchange: 'neutron', topic: 'q-agent-notifier-l2population-update', version: '1.4' }, method, args: { fdb_entries: fdb, host: port.hostId },
    context: { isAdmin: true, userId: 'neutron', projectId: '', roles: ['admin'] },
  }).catch(() => undefined); // nobody listens, or the broker is away: a real server only logs it
}
