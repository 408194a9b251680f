import type { Site } from '../core/site.ts';
import type { Json } from '../http/service.ts';
import type { Endpoint, KeystoneState } from './state.ts';

/** Address as the API shows it. */
export const endpointUrl = (site: Site, endpoint: Endpoint): string => endpoint.url.replace('{address}', site.address);

/** The catalogue of a token. Entries that need a project are left out of tokens that have none. */
export function catalogOf(state: KeystoneState, site: Site, projectId: string | undefined): Json[] {
  return [...state.services.values()]
    .filter((service) => service.enabled !== false)
    .map((service) => ({
      id: service.id,
      type: service['type'],
      name: service.name ?? '',
      endpoints: [...state.endpoints.values()]
        .filter((e) => e.service_id === service.id && e.enabled !== false && (projectId !== undefined || !e.url.includes('%(project_id)s')))
        .map((e) => ({ id: e.id, interface: e.interface, region_id: e.region_id, region: e.region_id, url: endpointUrl(site, e).replace(/[%$]\((project|tenant)_id\)s/g, projectId ?? '') })),
    }));
}
