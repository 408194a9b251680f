import type { Site } from '../core/site.ts';
import { type Call, type Json, ok, type Route, type ServiceDefinition } from '../http/service.ts';
import { localDiskId } from '../guests/guests.ts';
import { adminRoutes } from './admin-routes.ts';
import { attachmentRoutes } from './attachment-routes.ts';
import { Compute } from './compute.ts';
import { flavorRoutes } from './flavor-routes.ts';
import { novaFormat } from './format.ts';
import { keypairRoutes } from './keypair-routes.ts';
import { serveCompute } from './rpc.ts';
import { compute, keepCompute } from './runtime.ts';
import { serverRoutes } from './server-routes.ts';
import type { NovaState } from './state.ts';
import { statusOf } from './views.ts';

const MAX = '2.100';

const version = (call: Call<NovaState>, id: 'v2.0' | 'v2.1'): Json => ({
  id, status: id === 'v2.1' ? 'CURRENT' : 'SUPPORTED', version: id === 'v2.1' ? MAX : '', min_version: id === 'v2.1' ? '2.1' : '', updated: id === 'v2.1' ? '2013-07-23T11:33:21Z' : '2011-01-21T11:33:21Z',
  links: [{ rel: 'self', href: `${call.root}/${id === 'v2.1' ? 'v2.1' : 'v2'}/` }],
});
const detail = (call: Call<NovaState>): Json => {
  const base = version(call, 'v2.1');
  return { ...base, links: [...(base['links'] as Json[]), { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' }], 'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' }] };
};
const versionRoutes: readonly Route<NovaState>[] = [
  { method: 'GET', path: '/', auth: false, handler: (call) => ok({ versions: [version(call, 'v2.0'), version(call, 'v2.1')] }) },
  { method: 'GET', path: '/v2.1', auth: false, handler: (call) => ok({ version: detail(call) }) },
];

function createState(site: Site): NovaState {
  const { random } = site;
  const state: NovaState = {
    servers: new Map(), flavors: new Map(), keypairs: new Map(), groups: new Map(), quotas: new Map(), services: new Map(), guests: new Map(),
    counters: { servers: 0, keypairs: 0 }, hypervisorId: random.uuid(),
  };
  for (const binary of ['nova-scheduler', 'nova-conductor', 'nova-compute']) {
    const id = random.uuid();
    state.services.set(id, { id, binary, host: site.host, zone: binary === 'nova-compute' ? 'nova' : 'internal', disabled: false, reason: null, forcedDown: false });
  }
  for (const f of site.topology.flavors) {
    const id = random.uuid();
    state.flavors.set(id, { id, name: f.name, vcpus: f.vcpus, ram: f.ramMiB, disk: f.diskGiB, ephemeral: 0, swap: 0, isPublic: true, description: null, extraSpecs: {}, access: [] });
  }
  return state;
}

/** Nova and nova-compute, as of 2025.1. `writerMs`: how often a guest's writer writes; 0: never. */
export const createNova = ({ writerMs = 20 }: { readonly writerMs?: number } = {}): ServiceDefinition<NovaState> => ({
  name: 'compute',
  catalog: [{ type: 'compute', name: 'nova', path: '/v2.1' }],
  prefix: '/v2.1',
  projectInPath: true,
  microversions: { min: '2.1', max: MAX, legacyHeader: 'x-openstack-nova-api-version' },
  errors: novaFormat,
  rootRoutes: versionRoutes,
  routes: [...serverRoutes, ...attachmentRoutes, ...flavorRoutes, ...keypairRoutes, ...adminRoutes],
  createState(site) {
    const state = createState(site);
    const daemon = new Compute(site, state, writerMs);
    keepCompute(site, daemon);
    serveCompute(daemon);
    site.parts.guests = daemon.guests;
    site.parts.servers = {
      get: (id) => {
        const found = state.servers.get(id);
        return found && { id, name: found.name, projectId: found.projectId, host: found.host ?? '', status: statusOf(found) };
      },
      lostPort: (serverId, portId) => {
        const server = state.servers.get(serverId);
        if (server) server.ports = server.ports.filter((p) => p.id !== portId);
      },
    };
    return state;
  },
  onDown: (_, site) => compute(site).lost(),
  onUp: (_, site) => compute(site).found(),
  onDaemon(_, site, daemon, running) {
    const nova = compute(site);
    if (daemon === 'hypervisor') {
      if (running) nova.found();
      else nova.lost();
    }
    if (running && (daemon === 'nova-compute' || daemon === 'hypervisor')) nova.restarted();
  },
  onGuestAgent(_, site, serverId, how) {
    const nova = compute(site);
    if (how) nova.guests.agents.set(serverId, how);
    else {
      nova.guests.agents.delete(serverId);
      nova.onAgentBack(serverId);
    }
  },
  onRestore: (_, site) => compute(site).guests.restored(),
  *inspect(state, site) {
    for (const s of state.servers.values()) {
      const guest = state.guests.get(s.id);
      yield {
        kind: 'server', id: s.id, name: s.name, project: s.projectId, status: statusOf(s), task: s.taskState, locked: s.locked, host: s.host, metadata: s.metadata,
        volumes: s.volumes.map((v) => v.volumeId), ports: s.ports.map((p) => p.id), ...(s.localDisk && { localDisk: localDiskId(s.id) }),
        ...(guest && { frozenSince: guest.frozenSince ?? null, longestFreezeMs: Math.max(guest.longestFreezeMs, guest.frozenSince === undefined ? 0 : site.clock.now() - guest.frozenSince) }),
      };
    }
    for (const k of state.keypairs.values()) yield { kind: 'keypair', id: `${k.userId}/${k.name}`, name: k.name, type: k.type, fingerprint: k.fingerprint };
    for (const f of state.flavors.values()) yield { kind: 'flavor', id: f.id, name: f.name, vcpus: f.vcpus, ram: f.ram, disk: f.disk, public: f.isPublic, description: f.description, extraSpecs: f.extraSpecs, access: f.access };
    for (const g of state.groups.values()) yield { kind: 'server-group', id: g.id, name: g.name, project: g.projectId };
  },
});
