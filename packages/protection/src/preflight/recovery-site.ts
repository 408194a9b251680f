import type { Cloud } from '@godwit/openstack';
import type { SiteRegistry } from '@godwit/sites';
import { backupServiceFindings } from '../cinder/backup-service.ts';
import type { ServerRecord } from '../inventory/types.ts';
import { usableNetwork } from '../recover/network.ts';
import type { Finding } from '../schemas.ts';
import type { Check } from './findings.ts';
import type { RecoveryNetwork } from './stand-ins.ts';
import { quotaCheck, withTypes } from './quota.ts';

export interface RecoverySiteOptions {
  readonly sites: SiteRegistry;
  readonly from: string;
  readonly to: string;
  readonly tenant: Cloud;
  readonly servers: readonly ServerRecord[];
  /** Where the group's backups are made, when its policy says it. */
  readonly backupZone: string | undefined;
  /** Whether volumes come of backups. Default true. */
  readonly backups?: boolean;
  /** Look also whether the addresses are free now. */
  readonly addresses?: boolean;
  readonly network?: RecoveryNetwork | undefined;
}

/** Could these servers run at that site now? Asked before a protect, and again before a recovery. */
export function recoverySiteChecks(o: RecoverySiteOptions): Check[] {
  const check = (resource: string, run: () => Promise<readonly Finding[]>): Check => ({ site: o.to, resource, run });
  return [
    check('flavors', () => flavors(o)),
    check('networks', () => networks(o)),
    check('security groups', () => securityGroups(o)),
    check('volume types', () => volumeTypes(o)),
    check('hosts', () => hosts(o)),
    ...(o.backups !== false && o.servers.some((s) => s.volumes.length > 0) ? [check('cinder-backup', () => backupServiceFindings(o.to, o.sites.get(o.to).admin, o.backupZone))] : []),
    ...quotas(o),
  ];
}

const missing = (o: RecoverySiteOptions, code: string, what: string, name: string, mapped: string): Finding => ({
  code,
  site: o.to,
  resource: `${what} ${mapped}`,
  message: `${o.to}: there is no ${what} ${mapped}${mapped === name ? '' : ` (${name} at ${o.from})`}`,
  action: `Make it there, or map ${name} to another one in godwit.yaml (mappings).`,
});

function absent(o: RecoverySiteOptions, code: string, kind: 'flavors' | 'networks' | 'volumeTypes' | 'securityGroups', what: string, wanted: Iterable<string>, there: ReadonlySet<string>): Finding[] {
  return [...new Set(wanted)].flatMap((name) => {
    const mapped = o.sites.map(o.from, o.to, kind, name);
    return there.has(mapped) ? [] : [missing(o, code, what, name, mapped)];
  });
}

async function flavors(o: RecoverySiteOptions): Promise<Finding[]> {
  const there = new Map((await o.tenant.compute.flavors.list()).map((f) => [f.name, f]));
  // A root disk that is no volume is as big as the flavor says.
  const small = o.servers.filter((s) => s.imageBooted).flatMap((server): Finding[] => {
    const name = o.sites.map(o.from, o.to, 'flavors', server.flavor.name);
    const disk = there.get(name)?.disk;
    if (disk === undefined || disk >= (server.flavor.diskGiB ?? 0)) return [];
    return [{ code: 'GW_FLAVOR_TOO_SMALL', site: o.to, resource: `flavor ${name}`, message: `${o.to}: flavor ${name} has a disk of ${disk} GiB, the root disk of server ${server.name} has ${server.flavor.diskGiB ?? 0} GiB`, action: `Map ${server.flavor.name} to one with a disk as big, in godwit.yaml (mappings).` }];
  });
  return [...absent(o, 'GW_FLAVOR_UNMAPPED', 'flavors', 'flavor', o.servers.map((s) => s.flavor.name), new Set(there.keys())), ...small];
}

async function volumeTypes(o: RecoverySiteOptions): Promise<Finding[]> {
  const there = new Set((await o.tenant.volume.types.list()).map((t) => t.name));
  return absent(o, 'GW_VOLUME_TYPE_UNMAPPED', 'volumeTypes', 'volume type', o.servers.flatMap((s) => s.volumes.map((v) => v.type)), there);
}

async function securityGroups(o: RecoverySiteOptions): Promise<Finding[]> {
  const { projectId } = await o.tenant.session.token();
  const there = new Set((await o.tenant.network.securityGroups.list({ project_id: projectId ?? '' })).map((g) => g.name));
  return absent(o, 'GW_SECURITY_GROUP_UNMAPPED', 'securityGroups', 'security group', o.servers.flatMap((s) => s.ports.flatMap((p) => p.securityGroups)), there);
}

/** The network must be there and hold a subnet for each address; before a recovery, each MAC and IP address must be free, too. */
async function networks(o: RecoverySiteOptions): Promise<Finding[]> {
  const names = new Set(o.servers.flatMap((s) => s.ports.map((p) => p.network)));
  const found = new Map(await Promise.all([...names].map(async (name) => [name, await usableNetwork(o.tenant, o.sites.map(o.from, o.to, 'networks', name))] as const)));
  const there = new Set([...found.values()].flatMap((n) => (n ? [n.name] : [])));
  const findings = absent(o, 'GW_NETWORK_UNMAPPED', 'networks', 'network', names, there);
  for (const server of o.servers) {
    for (const port of server.ports) {
      const network = found.get(port.network);
      if (!network) continue;
      const cidrs = new Set((await o.tenant.network.subnets.list({ network_id: network.id })).map((s) => s.cidr));
      for (const { ip, cidr } of port.addresses) {
        if (!cidrs.has(cidr)) {
          findings.push({ code: 'GW_SUBNET_UNMAPPED', site: o.to, resource: `network ${network.name}`, message: `${o.to}: network ${network.name} has no subnet ${cidr} for address ${ip} of server ${server.name}`, action: 'Make the subnet there; addresses are kept.' });
        }
      }
      if (o.addresses === true) findings.push(...(await taken(o, network.id, server.name, port)));
    }
  }
  return findings;
}

async function taken(o: RecoverySiteOptions, networkId: string, server: string, port: ServerRecord['ports'][number]): Promise<Finding[]> {
  const ips = new Set(port.addresses.map((a) => a.ip));
  const others = (await o.tenant.network.ports.list({ network_id: networkId })).filter((p) => p.mac_address === port.mac || p.fixed_ips.some((f) => ips.has(f.ip_address)))
    // What merely stands for the member itself gives way to it.
    .filter((p) => !(p.mac_address === port.mac && o.network?.standsFor(p) === o.from));
  return others.map((p) => ({
    code: 'GW_ADDRESS_TAKEN',
    site: o.to,
    resource: `port ${p.id}`,
    message: `${o.to}: an address of server ${server} (${[port.mac, ...ips].join(', ')}) is used by port ${p.id}${p.device_id === '' ? '' : ` of ${p.device_owner.startsWith('compute:') ? 'server' : p.device_owner} ${p.device_id}`}`,
    action: 'Delete that port, or the server that it belongs to (the stopped copy that an earlier failover left, say).',
  }));
}

async function hosts(o: RecoverySiteOptions): Promise<Finding[]> {
  const services = await o.sites.get(o.to).admin.compute.services.list({ binary: 'nova-compute' });
  if (services.some((s) => s.state === 'up' && s.status === 'enabled')) return [];
  return [{ code: 'GW_NO_HOST', site: o.to, resource: 'nova-compute', message: `${o.to}: no hypervisor is up and enabled`, action: 'Start or enable nova-compute on a host of this site.' }];
}

function quotas(o: RecoverySiteOptions): Check[] {
  const volumes = o.servers.flatMap((s) => s.volumes);
  const gib = volumes.reduce((n, v) => n + v.sizeGiB, 0);
  const perType: Record<string, Record<string, number>> = {};
  for (const v of volumes) {
    const t = (perType[o.sites.map(o.from, o.to, 'volumeTypes', v.type)] ??= { volumes: 0, gigabytes: 0 });
    t['volumes'] = (t['volumes'] ?? 0) + 1;
    t['gigabytes'] = (t['gigabytes'] ?? 0) + v.sizeGiB;
  }
  return [
    quotaCheck(o.to, o.tenant, 'volume', withTypes({ volumes: volumes.length, gigabytes: gib }, perType)),
    quotaCheck(o.to, o.tenant, 'compute', {
      instances: o.servers.length,
      cores: o.servers.reduce((n, s) => n + s.flavor.vcpus, 0),
      ram: o.servers.reduce((n, s) => n + s.flavor.ramMiB, 0),
    }),
    quotaCheck(o.to, o.tenant, 'network', { port: o.servers.reduce((n, s) => n + s.ports.length, 0) }),
  ];
}
