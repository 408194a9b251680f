import { notFound } from '../errors.ts';
import { statusTitle } from '../http/formats.ts';
import { type Call, type Json, ok, type Route, type ServiceDefinition } from '../http/service.ts';
import { hypervisor } from '../nova/compute.ts';
import type { NovaState } from '../nova/state.ts';

/** Placement sees one hypervisor a site, and what Nova's servers take of it. */
export interface PlacementState {
  readonly providerId: string;
  readonly nova: () => NovaState;
}

type PCall = Call<PlacementState>;

const version: Route<PlacementState> = { method: 'GET', path: '/', auth: false, handler: () => ok({ versions: [{ id: 'v1.0', max_version: '1.39', min_version: '1.0', status: 'CURRENT', links: [{ rel: 'self', href: '' }] }] }) };

const provider = ({ state, site }: PCall): Json => ({ uuid: state.providerId, name: site.name, generation: 3 + state.nova().counters.servers, parent_provider_uuid: null, root_provider_uuid: state.providerId, links: ['', '/inventories', '/usages'].map((end) => ({ rel: end === '' ? 'self' : end.slice(1), href: `/resource_providers/${state.providerId}${end}` })) });

function assertProvider({ state, params }: PCall): void {
  if (params['id'] !== state.providerId) throw notFound(`No resource provider with uuid ${params['id'] ?? ''} found : No resource provider with uuid ${params['id'] ?? ''} found`);
}

const inventory = (total: number, ratio: number): Json => ({ total, reserved: 0, min_unit: 1, max_unit: total, step_size: 1, allocation_ratio: ratio });

export const placement: ServiceDefinition<PlacementState> = {
  name: 'placement',
  catalog: [{ type: 'placement', name: 'placement', path: '' }],
  prefix: '',
  microversions: { min: '1.0', max: '1.39' },
  errors: {
    render: ({ status, message, type }, { requestId }) => ({ contentType: 'application/json', text: JSON.stringify({ errors: [{ status, title: statusTitle(status), detail: `${message}\n\n   `, ...(type !== undefined && { code: type }), request_id: requestId }] }) }),
    refusal: () => notFound('The resource could not be found.'),
  },
  rootRoutes: [version],
  routes: [
    { method: 'GET', path: '/resource_providers', policy: 'admin', handler: (call) => ok({ resource_providers: !call.query.has('name') || call.query.get('name') === call.site.name ? [provider(call)] : [] }) },
    { method: 'GET', path: '/resource_providers/:id', policy: 'admin', handler: (call) => (assertProvider(call), ok(provider(call))) },
    {
      method: 'GET', path: '/resource_providers/:id/inventories', policy: 'admin',
      handler: (call) => (assertProvider(call), ok({ resource_provider_generation: 3, inventories: { VCPU: inventory(hypervisor.vcpus, 16), MEMORY_MB: inventory(hypervisor.ramMiB, 1), DISK_GB: inventory(hypervisor.diskGiB, 1) } })),
    },
    {
      method: 'GET', path: '/resource_providers/:id/usages', policy: 'admin',
      handler: (call) => {
        assertProvider(call);
        const usages = { VCPU: 0, MEMORY_MB: 0, DISK_GB: 0 };
        for (const { flavor } of call.state.nova().servers.values()) {
          usages.VCPU += flavor.vcpus;
          usages.MEMORY_MB += flavor.ram;
          usages.DISK_GB += flavor.disk;
        }
        return ok({ resource_provider_generation: 3, usages });
      },
    },
  ],
  createState(site) {
    const nova = site.services.find((s) => s.name === 'compute');
    return { providerId: site.random.uuid(), nova: () => site.state(nova as ServiceDefinition<NovaState>) };
  },
};
