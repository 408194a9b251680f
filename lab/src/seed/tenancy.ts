import { setTimeout as delay } from 'node:timers/promises';

import { LabError } from '../errors.ts';
import type { InitStep, SiteContext } from '../engine/types.ts';
import { ensureProject, ensureRole, ensureUser, grant } from './catalogue.ts';
import type { Json } from './site-api.ts';

const named = (rows: unknown, name: string): (Json & { id: string }) | undefined => (rows as (Json & { id: string; name: string })[]).find((r) => r.name === name);

export const tenancy: InitStep = {
  name: 'tenancy',
  needs: ['catalogue'],
  async run(context) {
    const { topology } = context;
    const projects = new Map<string, string>();
    for (const name of [...Object.keys(topology.projects), 'service', 'admin']) projects.set(name, await ensureProject(context, name));
    for (const [name, { roles }] of Object.entries(topology.users)) {
      const user = await ensureUser(context, name);
      for (const r of roles) await grant(context, projects.get(r.project) ?? '', user, await ensureRole(context, r.role));
    }
  },
};

const quotas: InitStep = {
  name: 'quotas',
  needs: ['tenancy', 'cinder-api'],
  async run(context) {
    const { api, topology } = context;
    for (const [name, { quotas: limits }] of Object.entries(topology.projects)) {
      if (Object.keys(limits).length === 0) continue;
      await api.call('volume', 'PUT', `/v3/${await api.adminProject()}/os-quota-sets/${await ensureProject(context, name)}`, { quota_set: limits });
    }
  },
};

const flavors: InitStep = {
  name: 'flavors',
  needs: ['catalogue', 'nova-api'],
  async run({ api, topology }) {
    const listed = await api.call('compute', 'GET', '/v2.1/flavors');
    for (const f of topology.flavors)
      if (!named(listed['flavors'], f.name)) await api.call('compute', 'POST', '/v2.1/flavors', { flavor: { name: f.name, vcpus: f.vcpus, ram: f.ramMiB, disk: f.diskGiB } });
  },
};

const volumeTypes: InitStep = {
  name: 'volume-types',
  needs: ['catalogue', 'cinder-api'],
  async run({ api, topology }) {
    const project = await api.adminProject();
    const listed = await api.call('volume', 'GET', `/v3/${project}/types`);
    for (const t of topology.cinder.volumeTypes)
      if (!named(listed['volume_types'], t.name))
        await api.call('volume', 'POST', `/v3/${project}/types`, { volume_type: { name: t.name, extra_specs: { volume_backend_name: t.backend } } });
  },
};

const networks: InitStep = {
  name: 'networks',
  needs: ['tenancy', 'neutron-api'],
  async run(context) {
    const { api, topology } = context;
    for (const n of topology.networks) {
      const project_id = await ensureProject(context, n.project);
      const listed = await api.call('network', 'GET', `/v2.0/networks?name=${n.name}&project_id=${project_id}`);
      const network =
        named(listed['networks'], n.name) ?? ((await api.call('network', 'POST', '/v2.0/networks', { network: { name: n.name, project_id } }))['network'] as Json & { id: string });
      const subnets = await api.call('network', 'GET', `/v2.0/subnets?network_id=${network.id}`);
      if ((subnets['subnets'] as Json[]).length > 0) continue;
      const { name, cidr, gateway, pool } = n.subnet;
      await api.call('network', 'POST', '/v2.0/subnets', {
        subnet: { name, cidr, project_id, network_id: network.id, ip_version: 4, gateway_ip: gateway, enable_dhcp: false, allocation_pools: [{ start: pool[0], end: pool[1] }] },
      });
    }
  },
};

/** `files`: where each source of the topology's images lies on this machine. */
function images(files: Readonly<Record<string, string>>): InitStep {
  return {
    name: 'images',
    needs: ['catalogue', 'glance-api'],
    async run(context) {
      for (const image of context.topology.images) {
        const file = files[image.source] ?? image.source;
        await upload(context, image.name, file, image.properties);
      }
    },
  };
}

async function upload({ api, site }: SiteContext, name: string, file: string, properties: Readonly<Record<string, string>>): Promise<void> {
  const listed = await api.call('image', 'GET', `/v2/images?name=${encodeURIComponent(name)}&status=active`);
  if ((listed['images'] as Json[]).length > 0) return;
  const made = await api.call('image', 'POST', '/v2/images', { name, disk_format: 'raw', container_format: 'bare', visibility: 'public', ...properties });
  const path = `/v2/images/${String(made['id'])}`;
  await api.call('image', 'PUT', `${path}/file`, undefined, { bodyFile: file, headers: { 'content-type': 'application/octet-stream' }, timeoutMs: 300_000 });
  for (let i = 0; i < 100; i += 1) {
    const { status } = await api.call('image', 'GET', path);
    if (status === 'active') return;
    await delay(300);
  }
  throw new LabError('LAB_IMAGE', `${site.name}: image ${name} did not become active`, { kind: 'retryable', site: site.name });
}

/** Everything that the topology gives to each site. */
export const seedSteps = (imageFiles: Readonly<Record<string, string>>): InitStep[] => [tenancy, quotas, flavors, volumeTypes, networks, images(imageFiles)];
