import { isOpenStackError, type Cloud, type Query } from '@godwit/openstack';
import { at, projectIdAt, projectKey, type ProjectRef, type Site } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { Names } from '../project.ts';
import { glob } from '../sync/types.ts';
import { inventoryKinds, type AddressConflict, type Inventory, type InventoryItem, type InventoryKind, type SiteState } from './schemas.ts';
import { look } from './seen.ts';

/** @param project its id at the site; undefined: all of them, as an administrator sees them */
type Read = (cloud: Cloud, site: string, project: string | undefined, signal: AbortSignal) => Promise<InventoryItem[]>;

const whose = (id: string | null | undefined): { project?: string } => (id ? { project: id } : {});
const everybody = (project: string | undefined): Query => (project === undefined ? { all_tenants: 'True' } : {});

const readers: Readonly<Record<InventoryKind, Read>> = {
  servers: async (cloud, site, project, signal) =>
    (await cloud.compute.servers.list(everybody(project), { signal })).map((s) => ({
      site, kind: 'servers', id: s.id, name: s.name, status: s.status, project: s.tenant_id,
      detail: { flavor: s.flavor.original_name ?? '', addresses: Object.values(s.addresses).flat().map((a) => a.addr), locked: s.locked ?? false },
    })),
  volumes: async (cloud, site, project, signal) =>
    (await cloud.volume.volumes.list(everybody(project), { signal })).map((v) => ({
      site, kind: 'volumes', id: v.id, name: v.name ?? '', status: v.status, ...whose(project ?? (v['os-vol-tenant-attr:tenant_id'] as string | undefined)), detail: { sizeGiB: v.size, type: v.volume_type ?? '', attachedTo: v.attachments.map((a) => a.server_id ?? '') },
    })),
  images: async (cloud, site, project, signal) =>
    (await cloud.image.list({}, { signal }))
      .filter((i) => project === undefined || i.owner === project || i.visibility === 'public' || i.visibility === 'community')
      .map((i) => ({ site, kind: 'images', id: i.id, name: i.name ?? '', status: i.status, ...whose(i.owner), detail: { bytes: i.size ?? 0, visibility: i.visibility ?? '', hash: i.os_hash_value?.slice(0, 16) ?? '' } })),
  networks: async (cloud, site, project, signal) => {
    const [networks, subnets] = await Promise.all([cloud.network.networks.list({}, { signal }), cloud.network.subnets.list({}, { signal })]);
    return networks
      .filter((n) => project === undefined || (n.project_id ?? n.tenant_id) === project || n.shared === true || n['router:external'] === true)
      .map((n) => ({ site, kind: 'networks', id: n.id, name: n.name, status: n.status, ...whose(n.project_id), detail: { cidrs: subnets.filter((s) => s.network_id === n.id).map((s) => s.cidr), shared: n.shared ?? false } }));
  },
  addresses: async (cloud, site, project, signal) => {
    const own = project === undefined ? {} : { project_id: project };
    const [ports, networks, floating] = await Promise.all([
      cloud.network.ports.list(own, { signal }),
      cloud.network.networks.list({}, { signal }),
      // A Neutron without routers has none, and says that it knows no such thing.
      cloud.network.floatingIps.list(own, { signal }).catch((error: unknown) => {
        if (isOpenStackError(error, 'OS_NOT_FOUND')) return [];
        throw error;
      }),
    ]);
    const byId = new Map(networks.map((n) => [n.id, n]));
    // Of all projects, a network's name alone does not tell which it is.
    const network = (id: string) => ({ network: byId.get(id)?.name ?? id, ...(project === undefined ? { networkProject: byId.get(id)?.project_id ?? '' } : {}) });
    return [
      ...ports.map((p): InventoryItem => ({
        site, kind: 'addresses', id: p.id, name: p.name, status: p.status, ...whose(project ?? p.project_id),
        detail: { mac: p.mac_address, ips: p.fixed_ips.map((f) => f.ip_address), ...network(p.network_id), device: p.device_id, owner: p.device_owner },
      })),
      ...floating.map((f): InventoryItem => ({
        site, kind: 'addresses', id: f.id, name: '', status: f.status ?? '', ...whose(project ?? f.project_id),
        detail: { mac: '', ips: [f.floating_ip_address], ...network(f.floating_network_id), device: f.port_id ?? '', owner: 'floating IP' },
      })),
    ];
  },
};

/** All of a project (undefined: of all) over all sites, in an order that does not change from page to page. */
export async function readInventory(deps: Deps, project: ProjectRef | undefined, query: { kind?: InventoryKind | undefined; site?: string | undefined; name?: string | undefined; status?: string | undefined; limit: number; after?: string | undefined }): Promise<Inventory> {
  const sites = query.site === undefined ? deps.sites.list() : [deps.sites.get(query.site)];
  const kinds = query.kind === undefined ? inventoryKinds : [query.kind];
  const { states, items } = await readKinds(deps, sites, project, kinds);
  const wanted = items
    .filter((i) => (query.name === undefined || glob(query.name, i.name)) && (query.status === undefined || i.status?.toLowerCase() === query.status.toLowerCase()))
    .toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  const { after } = query;
  const rest = after === undefined ? wanted : wanted.filter((i) => sortKey(i) > after);
  const page = rest.slice(0, query.limit);
  const last = page.at(-1);
  return { sites: states, items: page, total: wanted.length, ...(last && rest.length > page.length ? { next: sortKey(last) } : {}) };
}

const sortKey = (i: InventoryItem): string => `${i.kind}/${i.site}/${i.name}/${i.id}`;

/** Of all projects, what is seen is kept apart from what any one of them was shown. */
const ALL: ProjectRef = { domain: '*', name: '*' };

async function readKinds(deps: Deps, sites: readonly Site[], project: ProjectRef | undefined, kinds: readonly InventoryKind[]): Promise<{ states: SiteState[]; items: InventoryItem[] }> {
  const states: SiteState[] = [];
  const items: InventoryItem[] = [];
  await Promise.all(
    sites.map(async (site) => {
      const seen = await Promise.all(
        kinds.map((kind) => look(deps, site, project ?? ALL, kind, async (signal) => {
          if (!project) return at(site.name, async () => withNames(await readers[kind](site.admin, site.name, undefined, signal), new Names(site.admin)));
          const projectId = await projectIdAt(site, project);
          return at(site.name, () => readers[kind](site.asProject(project), site.name, projectId, signal));
        })),
      );
      items.push(...seen.flatMap((s) => s.doc ?? []));
      // The worst of its kinds is what is said of the site; the message names the service.
      const worst = seen.map((s) => s.state).toSorted((a, b) => order[a.state] - order[b.state])[0];
      if (worst) states.push(worst);
    }),
  );
  return { states: states.toSorted((a, b) => (a.site < b.site ? -1 : 1)), items };
}

/** Projects have other ids at each site; their names are the same. */
async function withNames(items: readonly InventoryItem[], names: Names): Promise<InventoryItem[]> {
  const nameOf = async (id: unknown): Promise<string | undefined> => {
    const project = typeof id === 'string' && id !== '' ? await names.project(id) : undefined;
    return project && projectKey(project);
  };
  return Promise.all(items.map(async (i) => {
    const [projectName, networkProject] = [await nameOf(i.project), await nameOf(i.detail['networkProject'])];
    return { ...i, ...(projectName === undefined ? {} : { projectName }), detail: { ...i.detail, ...(networkProject === undefined ? {} : { networkProject }) } };
  }));
}

const order = { unknown: 0, 'last-known': 1, live: 2 } as const;

/**
 * One MAC at two ports, or one IP address twice in networks of one name: what a stretched network cannot bear. Ports that Neutron makes for
 * itself (gateways, DHCP) have the same address at every site by intent, and are left out; floating IPs are told by themselves.
 */
export async function addressConflicts(deps: Deps, project: ProjectRef | undefined): Promise<{ sites: SiteState[]; conflicts: AddressConflict[] }> {
  const { states, items } = await readKinds(deps, deps.sites.list(), project, ['addresses']);
  const holders = new Map<string, AddressConflict>();
  for (const item of items) {
    const { mac, ips, network, networkProject = '', device, owner } = item.detail as { mac: string; ips: string[]; network: string; networkProject?: string; device: string; owner: string };
    if (owner.startsWith('network:')) continue;
    const holder = { site: item.site, port: item.id, network, device, status: item.status ?? '', ...(item.projectName === undefined ? {} : { project: item.projectName }) };
    const add = (kind: 'mac' | 'ip', address: string): void => {
      const key = kind === 'mac' ? `mac ${address}` : `ip ${networkProject} ${network} ${address}`;
      const known = holders.get(key) ?? { kind, address, ...(kind === 'ip' ? { network } : {}), holders: [] };
      known.holders.push(holder);
      holders.set(key, known);
    };
    if (mac !== '') add('mac', mac);
    for (const ip of ips) add('ip', ip);
  }
  return { sites: states, conflicts: [...holders.values()].filter((h) => h.holders.length > 1) };
}
