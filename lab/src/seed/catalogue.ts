import type { InitStep, SiteContext } from '../engine/types.ts';
import { ports, type Json, type ServiceName } from './site-api.ts';

/** A service's own user, its catalogue entries and the path of its endpoint. */
export const services: readonly { user: string; service: ServiceName; types: readonly string[]; path: string }[] = [
  { user: 'glance', service: 'image', types: ['image'], path: '' },
  { user: 'placement', service: 'placement', types: ['placement'], path: '' },
  { user: 'nova', service: 'compute', types: ['compute'], path: '/v2.1' },
  { user: 'neutron', service: 'network', types: ['network'], path: '' },
  // Clients of different ages look for Block Storage under different types.
  { user: 'cinder', service: 'volume', types: ['block-storage', 'volumev3'], path: '/v3/%(project_id)s' },
];

/** The first of a collection with this name, or a new one. Returns its id. */
export async function ensure(context: SiteContext, collection: string, singular: string, wanted: Json & { name: string }, query = ''): Promise<string> {
  const { api } = context;
  const listed = await api.call('identity', 'GET', `/v3/${collection}?name=${encodeURIComponent(wanted.name)}${query}`);
  const found = (listed[collection] as { id: string }[])[0];
  if (found) return found.id;
  const made = await api.call('identity', 'POST', `/v3/${collection}`, { [singular]: wanted });
  return (made[singular] as { id: string }).id;
}

export async function grant(context: SiteContext, project: string, user: string, role: string): Promise<void> {
  await context.api.call('identity', 'PUT', `/v3/projects/${project}/users/${user}/roles/${role}`);
}

export const ensureProject = (context: SiteContext, name: string): Promise<string> => ensure(context, 'projects', 'project', { name, domain_id: 'default' });

export const ensureUser = (context: SiteContext, name: string): Promise<string> =>
  ensure(context, 'users', 'user', { name, domain_id: 'default', password: context.secrets.get(`${context.site.realm}/user/${name}`) });

export const ensureRole = (context: SiteContext, name: string): Promise<string> => ensure(context, 'roles', 'role', { name });

async function ensureEndpoint(context: SiteContext, serviceId: string, iface: string, url: string, region: string): Promise<void> {
  const listed = await context.api.call('identity', 'GET', `/v3/endpoints?service_id=${serviceId}&interface=${iface}&region_id=${region}`);
  if ((listed['endpoints'] as Json[]).length > 0) return;
  await context.api.call('identity', 'POST', '/v3/endpoints', { endpoint: { service_id: serviceId, interface: iface, region_id: region, url } });
}

/** A catalogue entry of this type with its three endpoints. */
export async function ensureEntry(context: SiteContext, name: string, type: string, url: string, region = context.site.name): Promise<void> {
  const listed = await context.api.call('identity', 'GET', `/v3/services?type=${type}`);
  const found = (listed['services'] as { id: string }[])[0];
  const id = found?.id ?? ((await context.api.call('identity', 'POST', '/v3/services', { service: { name, type } }))['service'] as { id: string }).id;
  for (const iface of ['public', 'internal', 'admin']) await ensureEndpoint(context, id, iface, url, region);
}

/** The services' users and the site's catalogue. */
export const catalogue: InitStep = {
  name: 'catalogue',
  needs: ['keystone'],
  async run(context) {
    const [project, admin, service] = await Promise.all([ensureProject(context, 'service'), ensureRole(context, 'admin'), ensureRole(context, 'service')]);
    await Promise.all(
      services.map(async (s) => {
        const user = await ensureUser(context, s.user);
        await grant(context, project, user, admin);
        await grant(context, project, user, service);
        for (const type of s.types) await ensureEntry(context, s.user, type, `http://${context.site.ip}:${String(ports[s.service])}${s.path}`);
      }),
    );
  },
};
