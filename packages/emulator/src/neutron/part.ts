import type { PortFacts, PortsPart } from '../between.ts';
import type { Site } from '../core/site.ts';
import { fault } from './common.ts';
import { bindPort, portDown } from './binding.ts';
import { dropPort, makePort, setDevice } from './ports.ts';
import type { NeutronState, Port } from './state.ts';

/** What Nova asks of Neutron, in this process. */
export function portsPart(site: Site, state: NeutronState): PortsPart {
  const facts = (p: Port): PortFacts => ({ id: p.id, projectId: p.projectId, networkId: p.networkId, mac: p.mac, fixedIps: p.fixedIps, status: p.status, deviceId: p.deviceId, deviceOwner: p.deviceOwner, vnicType: p.vnicType, securityGroups: p.securityGroups });
  const must = (id: string): Port => {
    const port = state.ports.get(id);
    if (!port) throw fault(404, 'PortNotFound', `Port ${id} could not be found.`);
    return port;
  };
  return {
    get: (id) => {
      const port = state.ports.get(id);
      return port && facts(port);
    },
    ofDevice: (serverId) => [...(state.ofDevice.get(serverId) ?? [])].flatMap((id) => state.ports.get(id) ?? []).map(facts),
    network: (id) => state.networks.get(id),
    networksOf: (projectId) => [...state.networks.values()].filter((n) => (n.projectId === projectId || n.shared) && !n.external),
    create: ({ projectId, networkId, fixedIp, securityGroups, deviceId }) =>
      makePort(site, state, { projectId, networkId, securityGroups: securityGroups && securityGroups.length > 0 ? securityGroups : undefined, deviceId, fixedIps: fixedIp === undefined ? undefined : [{ ip_address: fixedIp }] }).id,
    bind(id, { deviceId, deviceOwner, host }) {
      const port = must(id);
      setDevice(state, port, deviceId);
      Object.assign(port, { deviceOwner, hostId: host, updatedAt: site.now() });
      bindPort(site, state, port);
    },
    unbind(id) {
      const port = state.ports.get(id);
      if (!port) return;
      portDown(site, state, port);
      setDevice(state, port, '');
      Object.assign(port, { deviceOwner: '', hostId: '', vifType: 'unbound', vifDetails: {}, status: 'DOWN', updatedAt: site.now() });
    },
    delete(id) {
      const port = state.ports.get(id);
      if (port) dropPort(site, state, port);
    },
    securityGroupName: (id) => state.securityGroups.get(id)?.name,
  };
}
