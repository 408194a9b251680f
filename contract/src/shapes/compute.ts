import * as z from 'zod';
import { hex, ip, is, links, mac, map, nothing, text, timeMicro, timeZ, uuid } from './base.ts';

export const service = z.strictObject({
  binary: is('nova-compute', 'nova-conductor', 'nova-scheduler'), host: text, id: uuid, zone: text, status: is('enabled', 'disabled'), state: is('up', 'down'),
  updated_at: timeMicro, disabled_reason: z.null(), forced_down: z.boolean(),
});
export const flavor = z.strictObject({
  id: text, name: text, ram: z.int(), disk: z.int(), swap: z.int(), 'OS-FLV-EXT-DATA:ephemeral': z.int(), 'OS-FLV-DISABLED:disabled': z.boolean(), vcpus: z.int(),
  'os-flavor-access:is_public': z.boolean(), rxtx_factor: z.number(), links, description: text.nullable(), extra_specs: map,
});
export const zones = z.strictObject({ availabilityZoneInfo: z.array(z.strictObject({ zoneName: text, zoneState: z.strictObject({ available: z.boolean() }), hosts: z.null() })) });
const usage = z.strictObject({ limit: z.int(), in_use: z.int(), reserved: z.int() });
export const quota = z.strictObject({ id: hex, cores: usage, instances: usage, key_pairs: usage, metadata_items: usage, ram: usage, server_group_members: usage, server_groups: usage });

export const bornServer = z.strictObject({ id: uuid, links, 'OS-DCF:diskConfig': is('MANUAL', 'AUTO'), security_groups: z.array(z.strictObject({ name: text })), adminPass: text });

const common = {
  id: uuid,
  name: text,
  tenant_id: hex,
  user_id: hex,
  metadata: map,
  hostId: text.regex(/^([0-9a-f]{56})?$/),
  image: z.literal(''),
  flavor: z.strictObject({ vcpus: z.int(), ram: z.int(), disk: z.int(), ephemeral: z.int(), swap: z.int(), original_name: text, extra_specs: map }),
  created: timeZ,
  updated: timeZ,
  addresses: z.record(text, z.array(z.strictObject({ version: is(4, 6), addr: ip, 'OS-EXT-IPS:type': is('fixed'), 'OS-EXT-IPS-MAC:mac_addr': mac }))),
  accessIPv4: text,
  accessIPv6: text,
  links,
  'OS-DCF:diskConfig': is('MANUAL', 'AUTO'),
  pinned_availability_zone: text.nullable(),
  config_drive: is('True', ''),
  key_name: text.nullable(),
  'OS-SRV-USG:terminated_at': z.null(),
  'OS-EXT-SRV-ATTR:hostname': text,
  locked: z.boolean(),
  locked_reason: text.nullable(),
  description: text.nullable(),
  tags: z.array(text),
  trusted_image_certificates: z.null(),
  /** Only what shows one server has it. */
  server_groups: nothing.optional(),
};
const attached = z.array(z.strictObject({ id: uuid, delete_on_termination: z.boolean() }));
const states = {
  building: { status: is('BUILD'), progress: is(0), 'OS-EXT-STS:vm_state': is('building'), 'OS-EXT-STS:task_state': is('scheduling', 'networking', 'block_device_mapping', 'spawning').nullable(), 'OS-EXT-STS:power_state': is(0) },
  active: { status: is('ACTIVE'), progress: is(0), 'OS-EXT-STS:vm_state': is('active'), 'OS-EXT-STS:task_state': is('powering-off').nullable(), 'OS-EXT-STS:power_state': is(1) },
  // No progress any more: Nova shows it only of those that work.
  stopped: { status: is('SHUTOFF'), 'OS-EXT-STS:vm_state': is('stopped'), 'OS-EXT-STS:task_state': is('powering-on').nullable(), 'OS-EXT-STS:power_state': is(4) },
} as const;
const adminOnly = {
  'OS-EXT-SRV-ATTR:instance_name': text.regex(/^instance-[0-9a-f]{8}$/),
  'OS-EXT-SRV-ATTR:reservation_id': text.regex(/^r-[0-9a-z]{8}$/),
  'OS-EXT-SRV-ATTR:launch_index': z.int(),
  'OS-EXT-SRV-ATTR:kernel_id': text,
  'OS-EXT-SRV-ATTR:ramdisk_id': text,
  'OS-EXT-SRV-ATTR:root_device_name': is('/dev/vda'),
  'OS-EXT-SRV-ATTR:user_data': text.nullable(),
  'OS-EXT-SRV-ATTR:host': text,
  'OS-EXT-SRV-ATTR:hypervisor_hostname': text,
  host_status: is('UP'),
};
const placed = { 'OS-EXT-AZ:availability_zone': text, 'OS-SRV-USG:launched_at': timeMicro, security_groups: z.array(z.strictObject({ name: text })), 'os-extended-volumes:volumes_attached': attached };
/** Before it has a host much of it is empty. */
export const buildingServer = z.strictObject({
  ...common, ...states.building, ...adminOnly,
  'OS-EXT-AZ:availability_zone': text, 'OS-SRV-USG:launched_at': z.null(), security_groups: z.array(z.strictObject({ name: text })).optional(), 'os-extended-volumes:volumes_attached': attached,
  'OS-EXT-SRV-ATTR:instance_name': text, 'OS-EXT-SRV-ATTR:root_device_name': text.nullable(), 'OS-EXT-SRV-ATTR:host': text.nullable(), 'OS-EXT-SRV-ATTR:hypervisor_hostname': text.nullable(), host_status: is('UP', ''),
});
export const adminServer = { active: z.strictObject({ ...common, ...placed, ...states.active, ...adminOnly }), stopped: z.strictObject({ ...common, ...placed, ...states.stopped, ...adminOnly }) };
export const tenantServer = { active: z.strictObject({ ...common, ...placed, ...states.active }) };
export const failedServer = z.looseObject({
  status: is('ERROR'), 'OS-EXT-STS:vm_state': is('error'), 'OS-EXT-STS:task_state': z.null(), 'OS-EXT-STS:power_state': is(0),
  fault: z.strictObject({ code: is(500), created: timeZ, message: text.regex(/^No valid host was found\. /) }),
});

export const attachedVolume = z.strictObject({ volumeId: uuid, serverId: uuid, device: text.regex(/^\/dev\/vd[a-z]$/), tag: z.null(), delete_on_termination: z.boolean(), attachment_id: uuid, bdm_uuid: uuid });
export const interfaceAttachment = z.strictObject({ net_id: uuid, port_id: uuid, mac_addr: mac, port_state: is('ACTIVE', 'DOWN', 'BUILD'), fixed_ips: z.array(z.strictObject({ subnet_id: uuid, ip_address: ip })), tag: z.null() });
