import type { Agent, Port } from '@godwit/openstack';
import { at, type ProjectRef, type Site } from '@godwit/sites';
import { isVirtualHost, readPortMark, REMOTE } from '../names.ts';
import type { Driver } from '../driver/types.ts';

/** What of a port must be alike where it stands and where it is mirrored. */
export interface PortFace {
  readonly mac: string;
  readonly ips: readonly string[];
  /** Names: ids are each site's own. */
  readonly groups: readonly string[];
  readonly portSecurity: boolean;
  /** `IP MAC`, sorted */
  readonly pairs: readonly string[];
}

export interface LocalPort extends PortFace {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly deviceId: string;
  readonly host: string;
  readonly active: boolean;
}

export interface Mirror extends PortFace {
  readonly id: string;
  /** Site and id of the port that it stands for. */
  readonly from: string;
  readonly source: string;
  readonly host: string;
  readonly bound: boolean;
  readonly active: boolean;
}

/** What changes seldom. */
export interface SiteFrame {
  readonly site: string;
  readonly projectId: string;
  readonly networkId: string;
  /** False: somebody deleted the network. */
  readonly exists: boolean;
  readonly subnets: readonly { readonly id: string; readonly cidr: string }[];
  readonly groupIds: ReadonlyMap<string, string>;
  readonly groupNames: ReadonlyMap<string, string>;
  /** Tunnel end of each hypervisor. */
  readonly vteps: ReadonlyMap<string, string>;
  /** The virtual agents that the site knows. */
  readonly virtual: ReadonlyMap<string, { readonly id: string; readonly vtep: string | undefined; readonly alive: boolean }>;
}

export interface SiteView extends SiteFrame {
  readonly local: readonly LocalPort[];
  readonly mirrors: readonly Mirror[];
}

export async function readFrame(site: Site, driver: Driver, project: ProjectRef, networkId: string, signal?: AbortSignal): Promise<SiteFrame> {
  const { network, session } = site.asProject(project);
  const call = signal ? { signal } : {};
  return at(site.name, async () => {
    const projectId = (await session.token()).projectId ?? '';
    const [found, subnets, groups, agents] = await Promise.all([
      network.networks.list({ id: networkId }, call), network.subnets.list({ network_id: networkId }, call), network.securityGroups.list({ project_id: projectId }, call), network.agents.list({}, call),
    ]);
    const groupIds = new Map<string, string>();
    for (const g of groups) if (!groupIds.has(g.name)) groupIds.set(g.name, g.id);
    return {
      site: site.name, projectId, networkId, exists: found.length > 0,
      subnets: subnets.map(({ id, cidr }) => ({ id, cidr })), groupIds, groupNames: new Map(groups.map((g) => [g.id, g.name])),
      vteps: new Map(agents.flatMap((a: Agent): [string, string][] => {
        const vtep = driver.vtepOf(a);
        return vtep === undefined || isVirtualHost(a.host) ? [] : [[a.host, vtep]];
      })),
      virtual: new Map(agents.filter((a) => isVirtualHost(a.host)).map((a) => [a.host, { id: a.id, vtep: driver.vtepOf(a), alive: a.alive && a.admin_state_up }])),
    };
  });
}

/** @param id of the stretched network: ports that another one made are as foreign as anybody's */
export async function readPorts(site: Site, project: ProjectRef, id: string, frame: SiteFrame, signal?: AbortSignal): Promise<SiteView> {
  const ports = await at(site.name, () => site.asProject(project).network.ports.list({ network_id: frame.networkId }, signal ? { signal } : {}));
  const face = (p: Port): PortFace => ({
    mac: p.mac_address, ips: p.fixed_ips.map((f) => f.ip_address).toSorted(), groups: p.security_groups.map((g) => frame.groupNames.get(g) ?? g).toSorted(), portSecurity: p.port_security_enabled ?? true,
    pairs: p.allowed_address_pairs.map((a) => `${a.ip_address} ${a.mac_address ?? p.mac_address}`).toSorted(),
  });
  const local: LocalPort[] = [];
  const mirrors: Mirror[] = [];
  for (const p of ports) {
    const host = p['binding:host_id'] ?? '';
    const bound = p['binding:vif_type'] === 'ovs';
    const active = p.status === 'ACTIVE';
    const mark = p.device_owner === REMOTE ? readPortMark(p.description) : undefined;
    if (mark?.network === id) mirrors.push({ ...face(p), id: p.id, from: mark.from, source: p.device_id, host, bound, active });
    else local.push({ ...face(p), id: p.id, name: p.name, owner: p.device_owner, deviceId: p.device_id, host: bound && !isVirtualHost(host) ? host : '', active });
  }
  return { ...frame, local, mirrors };
}
