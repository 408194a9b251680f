import type { Site } from '../core/site.ts';
import { assign, type KeystoneState, type Project } from './state.ts';

/** The services' own users, as the lab's catalogue makes them. */
const serviceUsers = ['glance', 'placement', 'nova', 'neutron', 'cinder'];

/** A bootstrapped Keystone with the topology's projects, users and roles, and the catalogue of the site's services. */
export function seedKeystone(site: Site): KeystoneState {
  const state: KeystoneState = {
    users: new Map(), projects: new Map(), domains: new Map(), roles: new Map(), groups: new Map(), members: new Map(), regions: new Map(),
    services: new Map(), endpoints: new Map(), assignments: new Map(), credentials: new Map(), revoked: new Map(), cache: new Map(),
    key: site.secret('keystone'),
  };
  const { random, topology } = site;
  state.domains.set('default', { id: 'default', name: 'Default', description: 'The default domain', enabled: true, options: {}, tags: [] });
  for (const name of ['admin', 'manager', 'member', 'reader', 'service']) {
    const id = random.hex();
    state.roles.set(id, { id, name, domain_id: null, description: null, options: {} });
  }
  const role = (name: string): string => [...state.roles.values()].find((r) => r.name === name)?.id ?? '';
  const project = (name: string): Project => {
    const known = [...state.projects.values()].find((p) => p.name === name);
    if (known) return known;
    const made: Project = { id: random.hex(), name, domain_id: 'default', parent_id: 'default', enabled: true, description: '', is_domain: false, tags: [] };
    state.projects.set(made.id, made);
    return made;
  };
  const user = (name: string): string => {
    const id = random.hex();
    state.users.set(id, { id, name, domain_id: 'default', enabled: true, password: site.secret(`user/${name}`), tokensFrom: 0, more: {} });
    return id;
  };

  const admin = user('admin');
  assign(state, { actor: 'user', actorId: admin, scope: { project: project('admin').id }, roleId: role('admin') });
  assign(state, { actor: 'user', actorId: admin, scope: { system: true }, roleId: role('admin') });
  for (const name of serviceUsers) {
    const id = user(name);
    for (const r of ['admin', 'service']) assign(state, { actor: 'user', actorId: id, scope: { project: project('service').id }, roleId: role(r) });
  }
  for (const name of Object.keys(topology.projects)) project(name);
  for (const [name, { roles }] of Object.entries(topology.users)) {
    const id = user(name);
    for (const r of roles) assign(state, { actor: 'user', actorId: id, scope: { project: project(r.project).id }, roleId: role(r.role) });
  }

  state.regions.set(site.name, { id: site.name, description: '', parent_region_id: null });
  for (const service of site.services)
    for (const entry of service.catalog) {
      const id = random.hex();
      state.services.set(id, { id, type: entry.type, name: entry.name, enabled: true });
      for (const face of ['public', 'internal', 'admin']) {
        const endpointId = random.hex();
        state.endpoints.set(endpointId, { id: endpointId, service_id: id, interface: face, region_id: site.name, enabled: true, url: `{address}/${service.name}${entry.path}` });
      }
    }
  return state;
}
