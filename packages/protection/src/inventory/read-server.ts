import { orUndefined, type Cloud, type Server, type Volume } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { ServerRecord, VolumeRecord } from './types.ts';
import { readPorts } from './read-ports.ts';
import { isGuestProperty } from './guest-properties.ts';
import { labels } from '../names.ts';

/**
 * Reads all that a recovery must know of a server.
 * @param tenant Godwit's user scoped to the server's project: what it does not see there is not the project's
 */
export async function readServer(site: string, tenant: Cloud, id: string, order: number): Promise<ServerRecord> {
  return at(site, async () => {
    const server = await getOwn(site, tenant, id);
    const [attachments, ports, owner] = await Promise.all([tenant.compute.servers.volumeAttachments(id), readPorts(tenant, id), ownerOf(tenant, server)]);
    const volumes = await Promise.all(
      attachments.map(async (a) => volumeRecord(server, await tenant.volume.volumes.get(a.volumeId), a.device ?? '', a.delete_on_termination === true)),
    );
    volumes.sort((x, y) => deviceOrder(x.device, y.device));
    const flavor = server.flavor;
    return {
      id: server.id,
      name: server.name,
      order,
      host: server['OS-EXT-SRV-ATTR:host'] ?? '',
      status: server.status,
      imageBooted: server.image !== undefined,
      ...(server.image ? await imageFactsOf(tenant, server.image.id) : {}),
      flavor: {
        name: flavor.original_name ?? '',
        vcpus: flavor.vcpus ?? 0,
        ramMiB: flavor.ram ?? 0,
        ephemeralGiB: flavor.ephemeral ?? 0,
        swapMiB: Number(flavor.swap) || 0,
        ...(flavor.disk === undefined ? {} : { diskGiB: flavor.disk }),
      },
      ...(server['OS-EXT-AZ:availability_zone'] ? { availabilityZone: server['OS-EXT-AZ:availability_zone'] } : {}),
      ...(server.key_name ? { keyName: server.key_name } : {}),
      ...(owner ? { owner } : {}),
      configDrive: server.config_drive?.toLowerCase() === 'true',
      metadata: Object.fromEntries(Object.entries(server.metadata).filter(([k]) => !k.startsWith('godwit_'))),
      tags: server.tags ?? [],
      ...(server.metadata[labels.origin] === undefined ? {} : { origin: server.metadata[labels.origin] }),
      ports,
      volumes,
    };
  }, `server ${id}`);
}

/** Of an image that was deleted since, nothing is known. */
async function imageFactsOf(tenant: Cloud, imageId: string): Promise<Pick<ServerRecord, 'imageName' | 'imageProperties'>> {
  const image = await orUndefined(tenant.image.get(imageId));
  const imageProperties = Object.fromEntries(Object.entries(image ?? {}).filter((e): e is [string, string] => isGuestProperty(e[0]) && typeof e[1] === 'string'));
  return { ...(image?.name ? { imageName: image.name } : {}), imageProperties };
}

/** Whose keypair its key is. Only asked where there is one; a user who is gone, or a Keystone that does not tell, keeps nothing back. */
async function ownerOf(tenant: Cloud, server: Server): Promise<ServerRecord['owner']> {
  const { key_name: key, user_id: userId } = server;
  if (!key || typeof userId !== 'string') return undefined;
  try {
    const user = await tenant.identity.users.find(userId);
    if (!user) return undefined;
    return { name: user.name, domain: (await tenant.identity.domains.get(user.domain_id ?? '')).name };
  } catch {
    return undefined;
  }
}

async function getOwn(site: string, tenant: Cloud, id: string): Promise<Server> {
  const server = await orUndefined(tenant.compute.servers.get(id));
  // An admin token sees every project's servers: a VM of another project is as unknown as one that is not there.
  const { projectId } = await tenant.session.token();
  if (!server || server.tenant_id !== projectId) throw unknownServer(site, id);
  return server;
}

export const unknownServer = (site: string, server: string): GodwitError =>
  new GodwitError('GW_MEMBER_UNKNOWN', 'terminal', `${site}: this project has no server ${server}`, {
    site,
    resource: `server ${server}`,
    action: 'Name a server of your own project at that site; openstack server list shows them.',
  });

function volumeRecord(server: Server, volume: Volume, device: string, deleteOnTermination: boolean): VolumeRecord {
  const root = server['OS-EXT-SRV-ATTR:root_device_name'] ?? '/dev/vda';
  const imageName = (volume.volume_image_metadata as Record<string, string> | null | undefined)?.['image_name'];
  return {
    id: volume.id,
    name: volume.name ?? '',
    sizeGiB: volume.size,
    type: volume.volume_type ?? '',
    ...(imageName === undefined ? {} : { imageName }),
    device,
    bootIndex: device === root ? 0 : -1,
    deleteOnTermination,
    imageMetadata: imageProperties(volume.volume_image_metadata ?? {}),
    metadata: Object.fromEntries(Object.entries(volume.metadata ?? {}).filter(([k]) => !k.startsWith('godwit_') && !cinderOwn.has(k))),
    ...(volume.metadata?.[labels.origin] === undefined ? {} : { origin: volume.metadata[labels.origin] }),
  };
}

/** Cinder shows its own notes on an attached volume among the user's metadata. */
const cinderOwn = new Set(['attached_mode', 'readonly', 'src_backup_id']);

/** Facts about the image's own data (size, checksum …) are not properties: they would be wrong for the recovered volume. */
const imageFacts = new Set(['image_id', 'image_name', 'checksum', 'size', 'container_format', 'disk_format', 'signature_verified', 'min_disk', 'min_ram']);

const imageProperties = (metadata: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata).filter(([k]) => !imageFacts.has(k)).map(([k, v]) => [k, String(v)]));

/** /dev/vdb before /dev/vdaa. */
export function deviceOrder(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
