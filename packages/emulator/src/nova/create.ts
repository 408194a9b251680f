import { z } from 'zod';
import { ApiError, badRequest, conflict, forbidden } from '../errors.ts';
import type { Answer } from '../http/service.ts';
import { compute } from './runtime.ts';
import { invalid } from './format.ts';
import type { NCall } from './lookup.ts';
import { type Attached, type Flavor, quotaOf, type Server, type ServerPort, usageOf } from './state.ts';
import { links } from './views.ts';

const blockDevice = z.looseObject({
  source_type: z.enum(['volume', 'image', 'snapshot', 'blank']),
  destination_type: z.enum(['volume', 'local']).optional(),
  uuid: z.string().optional(),
  boot_index: z.union([z.number(), z.string().transform(Number), z.null()]).optional(),
  device_name: z.string().nullish(),
  volume_size: z.union([z.number(), z.string().transform(Number)]).optional(),
  volume_type: z.string().nullish(),
  delete_on_termination: z.union([z.boolean(), z.string().transform((s) => /^(true|yes|1)$/i.test(s))]).default(false),
  tag: z.string().nullish(),
});

const network = z.looseObject({ port: z.string().optional(), uuid: z.string().optional(), fixed_ip: z.string().optional(), tag: z.string().nullish() });

const schema = z.object({
  name: z.string(),
  flavorRef: z.union([z.string(), z.number().transform(String)]),
  imageRef: z.string().nullish(),
  networks: z.union([z.literal('auto'), z.literal('none'), z.array(network)]).optional(),
  block_device_mapping_v2: z.array(blockDevice).default([]),
  key_name: z.string().nullish(),
  user_data: z.string().nullish(),
  config_drive: z.union([z.boolean(), z.string()]).nullish(),
  availability_zone: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).default({}),
  description: z.string().nullish(),
  tags: z.array(z.string()).default([]),
  security_groups: z.array(z.looseObject({ name: z.string() })).optional(),
  hostname: z.string().optional(),
});
/** Known to the API, and without any effect here. */
const ignored = ['min_count', 'max_count', 'adminPass', 'OS-DCF:diskConfig', 'accessIPv4', 'accessIPv6', 'personality', 'trusted_image_certificates', 'host', 'hypervisor_hostname', 'return_reservation_id'];

type Wanted = z.infer<typeof schema>;

function read(body: unknown): Wanted {
  const given = (body ?? {}) as Record<string, unknown>;
  if (given['name'] === '') throw invalid('name', '', "'' is too short");
  for (const key of Object.keys(given)) if (!(key in schema.shape) && !ignored.includes(key)) throw invalid('server', given, `Additional properties are not allowed ('${key}' was unexpected)`);
  for (const key of ['name', 'flavorRef']) if (given[key] === undefined) throw invalid('server', given, `'${key}' is a required property`);
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = String(issue?.path[0] ?? 'server');
  throw invalid(field, given[field], issue?.message ?? '');
}

/** POST /servers */
export function createServer(call: NCall): Answer {
  const { state, site, token, root } = call;
  const wanted = read(call.body['server']);
  const projectId = token.projectId ?? '';
  const flavor = state.flavors.get(wanted.flavorRef);
  if (!flavor || !(flavor.isPublic || flavor.access.includes(projectId) || token.admin)) throw badRequest(`Flavor ${wanted.flavorRef} could not be found.`);
  if (wanted.availability_zone && wanted.availability_zone.split(':')[0] !== 'nova') throw badRequest('The requested availability zone is not available');
  const image = wanted.imageRef ? site.part('images').get(wanted.imageRef) : undefined;
  if (wanted.imageRef && !image) throw badRequest(`Can not find requested image`);
  if (wanted.key_name && !state.keypairs.has(`${token.userId}/${wanted.key_name}`)) throw badRequest('Invalid key_name provided.');
  const bootsFromVolume = wanted.block_device_mapping_v2.some((b) => b.boot_index === 0 && (b.destination_type === 'volume' || b.source_type === 'volume'));
  if (!image && !bootsFromVolume) throw badRequest('Block Device Mapping is Invalid: You specified more local devices than the limit allows or no bootable device was given.');
  if (image && !bootsFromVolume && flavor.disk === 0) throw forbidden('Only volume-backed servers are allowed for flavors with zero disk.');
  if (image && flavor.ram < image.minRam) throw badRequest("Flavor's memory is too small for requested image.");
  const hint = (call.body['os:scheduler_hints'] ?? call.body['OS-SCH-HNT:scheduler_hints'] ?? {}) as { group?: string };
  if (hint.group !== undefined && !state.groups.has(hint.group)) throw badRequest(`Server group ${hint.group} could not be found.`);
  assertVolumes(call, wanted);
  assertQuota(call, flavor);

  const id = site.random.uuid();
  const ports = takePorts(call, wanted, id);
  let volumes: Attached[];
  try {
    volumes = takeVolumes(call, wanted, id);
  } catch (error) {
    // Nothing stays behind of a refused server.
    for (const port of ports) if (port.owned) site.part('ports').delete(port.id);
    throw error;
  }
  state.counters.servers += 1;
  const now = site.now();
  const server: Server = {
    id, name: wanted.name, projectId, userId: token.userId,
    vmState: 'building', taskState: 'scheduling', powerState: 0,
    flavor, imageId: bootsFromVolume ? null : (image?.id ?? null),
    created: now, updated: now, launchedAt: null, host: null, zone: wanted.availability_zone ?? null, pinnedZone: wanted.availability_zone ?? null,
    keyName: wanted.key_name ?? null, configDrive: wanted.config_drive === true || wanted.config_drive === 'true' || wanted.config_drive === 'True', userData: wanted.user_data ?? null,
    metadata: wanted.metadata, tags: wanted.tags, description: wanted.description ?? null,
    hostname: wanted.hostname ?? wanted.name.toLowerCase().replace(/[^a-z0-9-]+/g, '-').slice(0, 63),
    locked: null, fault: null, volumes, ports, groupId: hint.group ?? null,
    reservationId: `r-${site.random.hex(8)}`, localDisk: undefined, number: state.counters.servers,
  };
  state.servers.set(id, server);
  compute(site).build(server);
  const groups = wanted.security_groups?.map(({ name }) => ({ name })) ?? [{ name: 'default' }];
  return {
    status: 202,
    headers: { location: `${root}/v2.1/servers/${id}` },
    body: { server: { id, links: links(root, `servers/${id}`), 'OS-DCF:diskConfig': 'MANUAL', security_groups: wanted.security_groups ? groups : [{ name: 'default' }], adminPass: site.random.hex(12) } },
  };
}

/** Before anything is taken: the volumes are there, and free. @throws ApiError 400 */
function assertVolumes({ site, token }: NCall, wanted: Wanted): void {
  for (const device of wanted.block_device_mapping_v2) {
    if (device.source_type !== 'volume') continue;
    const volume = site.part('volumes').get(device.uuid ?? '');
    if (!volume || (volume.projectId !== token.projectId && !token.admin)) throw badRequest(`Block Device Mapping is Invalid: failed to get volume ${device.uuid ?? 'None'}.`);
  }
}

function assertQuota({ state, token }: NCall, flavor: Flavor): void {
  const projectId = token.projectId ?? '';
  const limits = quotaOf(state, projectId);
  const used = usageOf(state, projectId);
  for (const [what, more] of [['instances', 1], ['cores', flavor.vcpus], ['ram', flavor.ram]] as const) {
    const limit = limits[what] ?? -1;
    if (limit >= 0 && used[what] + more > limit) throw new ApiError(403, `Quota exceeded for ${what}: Requested ${String(more)}, but already used ${String(used[what])} of ${String(limit)} ${what}`);
  }
}

function takePorts(call: NCall, wanted: Wanted, serverId: string): ServerPort[] {
  const { site, token } = call;
  if (wanted.networks === 'none') return [];
  const ports = site.part('ports');
  const projectId = token.projectId ?? '';
  const networks = wanted.networks === undefined || wanted.networks === 'auto' ? ports.networksOf(projectId).slice(0, 2).map(({ id }): z.infer<typeof network> => ({ uuid: id })) : wanted.networks;
  if (wanted.networks === undefined && networks.length > 1) throw conflict('Multiple possible networks found, use a Network ID to be more specific.');
  for (const { port, uuid } of networks) {
    if (port !== undefined) {
      const found = ports.get(port);
      if (!found || (found.projectId !== projectId && !token.admin)) throw badRequest(`Port id ${port} could not be found.`);
      if (found.deviceId !== '') throw conflict(`Port ${port} is still in use.`);
    } else {
      const found = ports.network(uuid ?? '');
      if (!found || !(found.shared || found.projectId === projectId || token.admin)) throw badRequest(`Network ${uuid ?? 'None'} could not be found.`);
    }
  }
  const taken: ServerPort[] = [];
  try {
    for (const { port, uuid, fixed_ip, tag } of networks) {
      // Taken at once, so that no other server can have it; bound when the host is known.
      const made = port ?? ports.create({ projectId, networkId: uuid ?? '', deviceId: serverId, ...(fixed_ip !== undefined && { fixedIp: fixed_ip }), ...(wanted.security_groups && { securityGroups: wanted.security_groups.map((g) => g.name) }) });
      taken.push({ id: made, tag: tag ?? null, owned: port === undefined });
    }
  } catch (error) {
    for (const port of taken) if (port.owned) ports.delete(port.id);
    throw error;
  }
  return taken;
}

export const deviceName = (index: number): string => `/dev/vd${String.fromCharCode(97 + index)}`;

function takeVolumes({ site, token }: NCall, wanted: Wanted, serverId: string): Attached[] {
  const volumes = site.part('volumes');
  const devices = wanted.block_device_mapping_v2.filter((b) => b.destination_type === 'volume' || b.source_type === 'volume');
  // In device order: the root is first, whatever the order of the request.
  const sorted = [...devices].sort((a, b) => Number(b.boot_index === 0) - Number(a.boot_index === 0));
  // A local root disk is the first device.
  const first = sorted.some((b) => b.boot_index === 0) ? 0 : 1;
  const taken: Attached[] = [];
  try {
    for (const device of sorted) {
      const volumeId = device.source_type === 'volume' ? (device.uuid ?? '') : volumes.create({
        projectId: token.projectId ?? '', userId: token.userId, name: '',
        ...(device.volume_size !== undefined && { size: device.volume_size }),
        ...(device.volume_type && { type: device.volume_type }),
        source: { from: device.source_type, ...(device.uuid !== undefined && { id: device.uuid }) },
      }, () => undefined);
      taken.push({
        id: site.random.uuid(), volumeId, attachmentId: volumes.reserve(volumeId, serverId), device: device.device_name ?? deviceName(taken.length + first),
        deleteOnTermination: device.delete_on_termination, tag: device.tag ?? null,
      });
    }
  } catch (error) {
    for (const v of taken) volumes.detach(v.volumeId, serverId);
    if (error instanceof ApiError) throw badRequest(`Invalid volume: ${error.message}`);
    throw error;
  }
  return taken;
}

