import * as z from 'zod';

export const serverSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  /** ACTIVE, BUILD, SHUTOFF, ERROR, … */
  status: z.string(),
  tenant_id: z.string(),
  user_id: z.string().optional(),
  /** Since 2.47 the flavor as it was when the server was made, without its id. */
  flavor: z.looseObject({
    original_name: z.string().optional(),
    vcpus: z.number().optional(),
    /** MiB. */
    ram: z.number().optional(),
    /** GiB. */
    disk: z.number().optional(),
    ephemeral: z.number().optional(),
    swap: z.union([z.number(), z.string()]).optional(),
    extra_specs: z.record(z.string(), z.string()).optional(),
  }),
  /** An empty string for a server that boots from a volume. */
  image: z.union([z.literal(''), z.looseObject({ id: z.string() })]).nullish().transform((image) => image || undefined),
  addresses: z
    .record(
      z.string(),
      z.array(z.looseObject({ addr: z.string(), version: z.number(), 'OS-EXT-IPS-MAC:mac_addr': z.string().optional(), 'OS-EXT-IPS:type': z.string().optional() })),
    )
    .default({}),
  metadata: z.record(z.string(), z.string()).default({}),
  key_name: z.string().nullish(),
  config_drive: z.union([z.string(), z.boolean()]).transform(String).optional(),
  description: z.string().nullish(),
  security_groups: z.array(z.looseObject({ name: z.string() })).optional(),
  locked: z.boolean().optional(),
  locked_reason: z.string().nullish(),
  tags: z.array(z.string()).optional(),
  server_groups: z.array(z.string()).optional(),
  fault: z.looseObject({ message: z.string(), code: z.number().optional(), created: z.string().optional() }).optional(),
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
  'os-extended-volumes:volumes_attached': z.array(z.looseObject({ id: z.string(), delete_on_termination: z.boolean().optional() })).default([]),
  created: z.string().optional(),
  updated: z.string().optional(),
});
export type Server = z.infer<typeof serverSchema>;

export const interfaceSchema = z.looseObject({
  port_id: z.string(),
  net_id: z.string(),
  mac_addr: z.string(),
  port_state: z.string().optional(),
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
  delete_on_termination: z.boolean().optional(),
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
