import { ApiError } from '../errors.ts';
import type { Call, Json, Policy, Route } from '../http/service.ts';
import { endpointUrl } from './catalog.ts';
import { collection, needText } from './crud.ts';
import type { Endpoint, Entity, KeystoneState, Project, User } from './state.ts';
import { projectView, userView } from './views.ts';

type KCall = Call<KeystoneState>;
const optionalText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const drop = <T>(map: Map<string, T>, which: (item: T) => boolean): void => {
  for (const [key, item] of map) if (which(item)) map.delete(key);
};
const own = (field: 'userId' | 'projectId'): Policy<KeystoneState> => ({ token, params }) => token.admin || token.roles.includes('service') || token[field] === params['id'];
const linked = (plural: string) => (item: Entity, call: KCall): Json => ({ ...item, links: { self: `${call.root}/v3/${plural}/${item.id}` } });
const merge = (_: KCall, item: Entity, { id: _id, ...body }: Json): void => void Object.assign(item, body);

const users = collection<User>({
  plural: 'users', singular: 'user', filters: ['name', 'domain_id', 'enabled'], read: own('userId'),
  map: (state) => state.users,
  view: (user, call) => userView(user, call.root),
  unique: (user) => `${user.domain_id}/${user.name}`,
  make: (call, { name: _name, domain_id, enabled, password, default_project_id, ...more }) => ({
    id: call.site.random.hex(),
    name: needText(call.body['user'] as Json, 'name'),
    domain_id: optionalText(domain_id) ?? call.token.domainId ?? 'default',
    enabled: enabled !== false,
    password: optionalText(password) ?? '',
    tokensFrom: 0,
    default_project_id: optionalText(default_project_id),
    more,
  }),
  change: (call, user, { id: _id, name, enabled, password, default_project_id, ...more }) => {
    if (typeof name === 'string') user.name = name;
    if (typeof enabled === 'boolean') user.enabled = enabled;
    if (typeof password === 'string') user.password = password;
    if (default_project_id !== undefined) user.default_project_id = optionalText(default_project_id);
    if (typeof password === 'string' || enabled === false) user.tokensFrom = call.site.now();
    Object.assign(user.more, more);
  },
  gone: ({ state }, user) => {
    drop(state.assignments, (a) => a.actor === 'user' && a.actorId === user.id);
    drop(state.credentials, (c) => c.user_id === user.id);
  },
});

const projects = collection<Project>({
  plural: 'projects', singular: 'project', filters: ['name', 'domain_id', 'enabled', 'parent_id', 'is_domain'], read: own('projectId'),
  map: (state) => state.projects,
  view: (project, call) => projectView(project, call.root),
  unique: (project) => `${project.domain_id}/${project.name}`,
  make: (call, body) => {
    const domain_id = optionalText(body['domain_id']) ?? 'default';
    return {
      id: call.site.random.hex(), name: needText(body, 'name'), domain_id, parent_id: optionalText(body['parent_id']) ?? domain_id,
      enabled: body['enabled'] !== false, description: optionalText(body['description']) ?? '', is_domain: false, tags: [],
    };
  },
  change: (_, project, body) => {
    if (typeof body['name'] === 'string') project.name = body['name'];
    if (typeof body['enabled'] === 'boolean') project.enabled = body['enabled'];
    if (typeof body['description'] === 'string') project.description = body['description'];
  },
  gone: ({ state }, project) => drop(state.assignments, (a) => 'project' in a.scope && a.scope.project === project.id),
});

const roles = collection<Entity>({
  plural: 'roles', singular: 'role', filters: ['name', 'domain_id'],
  map: (state) => state.roles,
  view: linked('roles'),
  unique: (role) => `${String(role['domain_id'])}/${String(role.name)}`,
  make: (call, body) => ({ id: call.site.random.hex(), domain_id: null, description: null, options: {}, ...body, name: needText(body, 'name') }),
  change: merge,
  gone: ({ state }, role) => drop(state.assignments, (a) => a.roleId === role.id),
});

const domains = collection<Entity>({
  plural: 'domains', singular: 'domain', filters: ['name', 'enabled'],
  map: (state) => state.domains,
  view: linked('domains'),
  unique: (domain) => domain.name,
  make: (call, body) => ({ id: call.site.random.hex(), description: '', enabled: true, options: {}, tags: [], ...body, name: needText(body, 'name') }),
  change: merge,
  gone: ({ state }, domain) => {
    if (domain.enabled !== false) throw new ApiError(403, 'Cannot delete a domain that is enabled, please disable it first.');
    drop(state.users, (u) => u.domain_id === domain.id);
    drop(state.projects, (p) => p.domain_id === domain.id);
  },
});

const groups = collection<Entity>({
  plural: 'groups', singular: 'group', filters: ['name', 'domain_id'],
  map: (state) => state.groups,
  view: linked('groups'),
  unique: (group) => `${String(group['domain_id'])}/${String(group.name)}`,
  make: (call, body) => ({ id: call.site.random.hex(), domain_id: 'default', description: '', ...body, name: needText(body, 'name') }),
  change: merge,
  gone: ({ state }, group) => {
    state.members.delete(group.id);
    drop(state.assignments, (a) => a.actor === 'group' && a.actorId === group.id);
  },
});

const regions = collection<Entity>({
  plural: 'regions', singular: 'region', filters: ['parent_region_id'], read: 'any', list: 'any',
  map: (state) => state.regions,
  view: linked('regions'),
  make: (call, body) => {
    const id = optionalText(body['id']) ?? call.site.random.hex();
    if (call.state.regions.has(id)) throw new ApiError(409, `Conflict occurred attempting to store region - Duplicate ID, ${id}.`);
    return { description: '', parent_region_id: null, ...body, id };
  },
  change: merge,
  gone: ({ state }, region) => {
    if ([...state.endpoints.values()].some((e) => e.region_id === region.id)) throw new ApiError(403, `Unable to delete region ${region.id} because it or its child regions have associated endpoints.`);
  },
});

const services = collection<Entity>({
  plural: 'services', singular: 'service', filters: ['type', 'name'],
  map: (state) => state.services,
  view: linked('services'),
  make: (call, body) => ({ enabled: true, ...body, id: call.site.random.hex(), type: needText(body, 'type') }),
  change: merge,
  gone: ({ state }, service) => drop(state.endpoints, (e) => e.service_id === service.id),
});

const endpoints = collection<Endpoint>({
  plural: 'endpoints', singular: 'endpoint', filters: ['service_id', 'interface', 'region_id', 'region'],
  map: (state) => state.endpoints,
  view: (endpoint, call) => ({ ...endpoint, region: endpoint.region_id, url: endpointUrl(call.site, endpoint), links: { self: `${call.root}/v3/endpoints/${endpoint.id}` } }),
  make: (call, body) => {
    const service_id = needText(body, 'service_id');
    if (!call.state.services.has(service_id)) throw new ApiError(400, `Could not find service: ${service_id}.`);
    const region_id = optionalText(body['region_id']) ?? optionalText(body['region']) ?? null;
    if (region_id !== null && !call.state.regions.has(region_id)) throw new ApiError(400, `Could not find region: ${region_id}.`);
    // What Keystone does not know of an endpoint it keeps, and shows, all the same.
    return { ...body, enabled: body['enabled'] !== false, id: call.site.random.hex(), service_id, region_id, interface: needText(body, 'interface'), url: needText(body, 'url') };
  },
  change: merge,
});

export const resourceRoutes: readonly Route<KeystoneState>[] = [...users, ...projects, ...roles, ...domains, ...groups, ...regions, ...services, ...endpoints];
