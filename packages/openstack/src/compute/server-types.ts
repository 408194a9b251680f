import * as z from 'zod';
import { maybe, orElse, stringMap } from '../fields.ts';

const addressSchema = z.looseObject({ addr: z.string(), version: z.number(), 'OS-EXT-IPS-MAC:mac_addr': maybe(z.string()), 'OS-EXT-IPS:type': maybe(z.string()) });

export const serverSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  /** ACTIVE, BUILD, SHUTOFF, ERROR, … */
  status: z.string(),
  tenant_id: z.string(),
  user_id: maybe(z.string()),
  /** Since 2.47 the flavor as it was when the server was made, without its id. */
  flavor: z.looseObject({
    original_name: maybe(z.string()),
    vcpus: maybe(z.number()),
    /** MiB. */
    ram: maybe(z.number()),
    /** GiB. */
    disk: maybe(z.number()),
    ephemeral: maybe(z.number()),
    swap: maybe(z.union([z.number(), z.string()])),
    extra_specs: maybe(stringMap()),
  }),
  /** An empty string for a server that boots from a volume. */
  image: z.union([z.literal(''), z.looseObject({ id: z.string() })]).nullish().transform((image) => image || undefined),
  addresses: orElse(z.record(z.string(), z.array(addressSchema)), {}),
  metadata: orElse(stringMap(), {}),
  key_name: z.string().nullish(),
  config_drive: maybe(z.union([z.string(), z.boolean()]).transform(String)),
  description: z.string().nullish(),
  security_groups: maybe(z.array(z.looseObject({ name: z.string() }))),
  locked: maybe(z.boolean()),
  locked_reason: z.string().nullish(),
  tags: maybe(z.array(z.string())),
  server_groups: maybe(z.array(z.string())),
  fault: maybe(z.looseObject({ message: z.string(), code: maybe(z.number()), created: maybe(z.string()) })),
  'OS-EXT-AZ:availability_zone': z.string().nullish(),
  /** Only an administrator sees this and the next three. */
  'OS-EXT-SRV-ATTR:host': z.string().nullish(),
  'OS-EXT-SRV-ATTR:instance_name': z.string().nullish(),
  'OS-EXT-SRV-ATTR:hypervisor_hostname': z.string().nullish(),
  'OS-EXT-SRV-ATTR:hostname': z.string().nullish(),
  'OS-EXT-SRV-ATTR:user_data': z.string().nullish(),
  'OS-EXT-SRV-ATTR:root_device_name': z.string().nullish(),
  'OS-EXT-STS:vm_state': z.string().nullish(),
  'OS-EXT-STS:task_state': z.string().nullish(),
  /** 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
  'OS-EXT-STS:power_state': z.number().nullish(),
  'os-extended-volumes:volumes_attached': orElse(z.array(z.looseObject({ id: z.string(), delete_on_termination: maybe(z.boolean()) })), []),
  created: maybe(z.string()),
  updated: maybe(z.string()),
});
export type Server = z.infer<typeof serverSchema>;

export const interfaceSchema = z.looseObject({
  port_id: z.string(),
  net_id: z.string(),
  mac_addr: z.string(),
  port_state: maybe(z.string()),
  fixed_ips: z.array(z.looseObject({ ip_address: z.string(), subnet_id: z.string() })).nullish().transform((ips) => ips ?? []),
  tag: z.string().nullish(),
});
export type Interface = z.infer<typeof interfaceSchema>;

export const attachedVolumeSchema = z.looseObject({
  volumeId: z.string(),
  serverId: z.string(),
  device: z.string().nullish(),
  attachment_id: z.string().nullish(),
  bdm_uuid: z.string().nullish(),
  tag: z.string().nullish(),
  delete_on_termination: maybe(z.boolean()),
});
export type AttachedVolume = z.infer<typeof attachedVolumeSchema>;

export interface BlockDevice {
  readonly source_type: 'volume' | 'snapshot' | 'image' | 'blank';
  readonly destination_type: 'volume' | 'local';
  readonly uuid?: string;
  /** 0 for the root, -1 for what is not booted from. */
  readonly boot_index: number | null;
  readonly device_name?: string;
  readonly disk_bus?: string;
  readonly device_type?: string;
  readonly volume_size?: number;
  readonly volume_type?: string;
  readonly delete_on_termination?: boolean;
  readonly tag?: string;
}

/** Body of POST /servers. */
export interface ServerCreate {
  readonly server: {
    readonly name: string;
    readonly flavorRef: string;
    readonly imageRef?: string;
    readonly networks: 'auto' | 'none' | readonly { readonly port?: string; readonly uuid?: string; readonly fixed_ip?: string; readonly tag?: string }[];
    readonly block_device_mapping_v2?: readonly BlockDevice[];
    readonly key_name?: string;
    /** base64 */
    readonly user_data?: string;
    readonly config_drive?: boolean;
    readonly availability_zone?: string;
    readonly metadata?: Readonly<Record<string, string>>;
    readonly description?: string;
    readonly tags?: readonly string[];
    readonly security_groups?: readonly { readonly name: string }[];
    readonly hostname?: string;
    readonly [field: string]: unknown;
  };
  readonly 'os:scheduler_hints'?: Readonly<Record<string, unknown>>;
}
