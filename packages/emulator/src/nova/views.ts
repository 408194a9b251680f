import type { Call, Json } from '../http/service.ts';
import { createHash } from 'node:crypto';
import type { Flavor, NovaState, Server } from './state.ts';

type NCall = Call<NovaState>;

/** `2026-11-24T20:03:40Z` */
export const seconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
/** `2026-11-24T20:03:55.000000` */
export const micros = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}.000000`;

export const links = (root: string, path: string): Json[] => [
  { rel: 'self', href: `${root}/v2.1/${path}` },
  { rel: 'bookmark', href: `${root}/${path}` },
];

const building: Readonly<Record<string, string>> = { active: 'ACTIVE', building: 'BUILD', stopped: 'SHUTOFF', error: 'ERROR', paused: 'PAUSED' };
export function statusOf(server: Server): string {
  if (server.vmState === 'active' && server.taskState === 'rebooting') return 'REBOOT';
  if (server.vmState === 'active' && server.taskState === 'rebooting_hard') return 'HARD_REBOOT';
  return building[server.vmState] ?? 'UNKNOWN';
}

const hostIdOf = (server: Server): string => (server.host === null ? '' : createHash('sha224').update(server.projectId + server.host).digest('hex'));

export function flavorView({ state: _state, micro, root }: NCall, f: Flavor): Json {
  return {
    id: f.id, name: f.name, ram: f.ram, disk: f.disk,
    swap: f.swap === 0 && micro < 75 ? '' : f.swap,
    'OS-FLV-EXT-DATA:ephemeral': f.ephemeral, 'OS-FLV-DISABLED:disabled': false,
    vcpus: f.vcpus, 'os-flavor-access:is_public': f.isPublic, rxtx_factor: 1,
    links: links(root, `flavors/${f.id}`),
    ...(micro >= 55 && { description: f.description }),
    ...(micro >= 61 && { extra_specs: f.extraSpecs }),
  };
}

function addresses({ site }: NCall, server: Server): Json {
  const byNetwork: Record<string, Json[]> = {};
  if (server.host === null || server.ports.length === 0) return byNetwork;
  const ports = site.part('ports');
  for (const { id } of server.ports) {
    const port = ports.get(id);
    const network = port && ports.network(port.networkId);
    if (!port || !network) continue;
    for (const { ip_address } of port.fixedIps)
      (byNetwork[network.name] ??= []).push({ version: ip_address.includes(':') ? 6 : 4, addr: ip_address, 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': port.mac });
  }
  return byNetwork;
}

/** Names of the security groups of its ports, as servers show them. */
export function securityGroups({ site }: Pick<NCall, 'site'>, server: Server): Json[] {
  if (server.ports.length === 0) return [];
  const ports = site.part('ports');
  const names = new Set<string>();
  for (const { id } of server.ports) for (const group of ports.get(id)?.securityGroups ?? []) names.add(ports.securityGroupName(group) ?? group);
  return [...names].map((name) => ({ name }));
}

export const briefView = ({ root }: NCall, server: Server): Json => ({ id: server.id, name: server.name, links: links(root, `servers/${server.id}`) });

/** A server with everything that this caller may see in this microversion. */
export function serverView(call: NCall, server: Server): Json {
  const { micro, root, token, site } = call;
  const privileged = token.admin || token.roles.includes('service');
  const groups = securityGroups(call, server);
  return {
    id: server.id, name: server.name, status: statusOf(server), tenant_id: server.projectId, user_id: server.userId,
    metadata: server.metadata, hostId: hostIdOf(server),
    image: server.imageId === null ? '' : { id: server.imageId, links: [{ rel: 'bookmark', href: `${root}/images/${server.imageId}` }] },
    flavor: micro >= 47
      ? { vcpus: server.flavor.vcpus, ram: server.flavor.ram, disk: server.flavor.disk, ephemeral: server.flavor.ephemeral, swap: server.flavor.swap, original_name: server.flavor.name, extra_specs: server.flavor.extraSpecs }
      : { id: server.flavor.id, links: [{ rel: 'bookmark', href: `${root}/flavors/${server.flavor.id}` }] },
    created: seconds(server.created), updated: seconds(server.updated),
    addresses: addresses(call, server), accessIPv4: '', accessIPv6: '',
    links: links(root, `servers/${server.id}`),
    'OS-DCF:diskConfig': 'MANUAL',
    ...(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING'].includes(statusOf(server)) && { progress: 0 }),
    'OS-EXT-AZ:availability_zone': server.zone ?? '',
    ...(micro >= 96 && { pinned_availability_zone: server.pinnedZone }),
    config_drive: server.configDrive ? 'True' : '',
    key_name: server.keyName,
    'OS-SRV-USG:launched_at': server.launchedAt === null ? null : micros(server.launchedAt), 'OS-SRV-USG:terminated_at': null,
    ...(groups.length > 0 && server.host !== null && { security_groups: groups }),
    ...(server.fault && { fault: { code: server.fault.code, created: seconds(server.fault.created), message: server.fault.message, ...(privileged && { details: server.fault.message }) } }),
    ...(privileged && {
      'OS-EXT-SRV-ATTR:host': server.host,
      'OS-EXT-SRV-ATTR:instance_name': server.host === null ? '' : `instance-${server.number.toString(16).padStart(8, '0')}`,
      'OS-EXT-SRV-ATTR:hypervisor_hostname': server.host === null ? null : site.name,
      ...(micro >= 3 && {
        'OS-EXT-SRV-ATTR:reservation_id': server.reservationId, 'OS-EXT-SRV-ATTR:launch_index': 0, 'OS-EXT-SRV-ATTR:hostname': server.hostname,
        'OS-EXT-SRV-ATTR:kernel_id': '', 'OS-EXT-SRV-ATTR:ramdisk_id': '', 'OS-EXT-SRV-ATTR:root_device_name': server.host === null ? null : '/dev/vda', 'OS-EXT-SRV-ATTR:user_data': server.userData,
      }),
    }),
    'OS-EXT-STS:task_state': server.taskState, 'OS-EXT-STS:vm_state': server.vmState, 'OS-EXT-STS:power_state': server.powerState,
    'os-extended-volumes:volumes_attached': server.host === null && server.vmState === 'building' ? [] : server.volumes.map((v) => ({ id: v.volumeId, ...(micro >= 3 && { delete_on_termination: v.deleteOnTermination }) })),
    ...(micro >= 16 && privileged && { host_status: server.host === null ? '' : site.running('nova-compute') ? 'UP' : 'DOWN' }),
    ...(micro >= 9 && { locked: server.locked !== null }),
    ...(micro >= 73 && { locked_reason: server.locked?.reason ?? null }),
    ...(micro >= 19 && { description: server.description }),
    ...(micro >= 26 && { tags: server.tags }),
    ...(micro >= 63 && { trusted_image_certificates: null }),
    ...(micro >= 90 && !privileged && { 'OS-EXT-SRV-ATTR:hostname': server.hostname }),
    ...(micro >= 71 && { server_groups: server.groupId === null ? [] : [server.groupId] }),
  };
}
