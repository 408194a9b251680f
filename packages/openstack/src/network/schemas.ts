import * as z from 'zod';
import { maybe, orElse } from '../fields.ts';

const owned = { id: z.string(), project_id: maybe(z.string()), tenant_id: maybe(z.string()), description: z.string().nullish(), tags: maybe(z.array(z.string())) };

export const networkSchema = z.looseObject({
  ...owned,
  name: z.string(),
  status: z.string(),
  admin_state_up: z.boolean(),
  mtu: z.number().nullish(),
  shared: maybe(z.boolean()),
  subnets: orElse(z.array(z.string()), []),
  port_security_enabled: maybe(z.boolean()),
  'router:external': maybe(z.boolean()),
  /** Only an administrator sees the provider's three. */
  'provider:network_type': z.string().nullish(),
  'provider:physical_network': z.string().nullish(),
  'provider:segmentation_id': z.number().nullish(),
});
export type Network = z.infer<typeof networkSchema>;

export const subnetSchema = z.looseObject({
  ...owned,
  name: z.string(),
  network_id: z.string(),
  cidr: z.string(),
  ip_version: z.number(),
  gateway_ip: z.string().nullish(),
  enable_dhcp: maybe(z.boolean()),
  allocation_pools: orElse(z.array(z.looseObject({ start: z.string(), end: z.string() })), []),
  dns_nameservers: orElse(z.array(z.string()), []),
  host_routes: orElse(z.array(z.looseObject({ destination: z.string(), nexthop: z.string() })), []),
});
export type Subnet = z.infer<typeof subnetSchema>;

export const portSchema = z.looseObject({
  ...owned,
  name: z.string().nullish().transform((name) => name ?? ''),
  network_id: z.string(),
  mac_address: z.string(),
  fixed_ips: orElse(z.array(z.looseObject({ ip_address: z.string(), subnet_id: z.string() })), []),
  status: z.string(),
  admin_state_up: z.boolean(),
  device_id: z.string().nullish().transform((id) => id ?? ''),
  device_owner: z.string().nullish().transform((owner) => owner ?? ''),
  security_groups: orElse(z.array(z.string()), []),
  allowed_address_pairs: orElse(z.array(z.looseObject({ ip_address: z.string(), mac_address: maybe(z.string()) })), []),
  port_security_enabled: maybe(z.boolean()),
  'binding:vnic_type': maybe(z.string()),
  /** Only an administrator sees the binding's host, type and profile. */
  'binding:host_id': maybe(z.string()),
  'binding:vif_type': maybe(z.string()),
  'binding:profile': maybe(z.record(z.string(), z.unknown())),
});
export type Port = z.infer<typeof portSchema>;

export const securityGroupRuleSchema = z.looseObject({
  id: z.string(),
  security_group_id: z.string(),
  direction: z.string(),
  ethertype: z.string().nullish(),
  protocol: z.union([z.string(), z.number()]).nullish().transform((protocol) => (protocol === null || protocol === undefined ? undefined : String(protocol))),
  port_range_min: z.number().nullish(),
  port_range_max: z.number().nullish(),
  remote_ip_prefix: z.string().nullish(),
  remote_group_id: z.string().nullish(),
  remote_address_group_id: z.string().nullish(),
  description: z.string().nullish(),
});
export type SecurityGroupRule = z.infer<typeof securityGroupRuleSchema>;

export const securityGroupSchema = z.looseObject({
  ...owned,
  name: z.string(),
  stateful: maybe(z.boolean()),
  /** Grows with every change, a rule's too. */
  revision_number: maybe(z.number()),
  security_group_rules: orElse(z.array(securityGroupRuleSchema), []),
});
export type SecurityGroup = z.infer<typeof securityGroupSchema>;

export const addressGroupSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish().transform((name) => name ?? ''),
  description: z.string().nullish(),
  project_id: maybe(z.string()),
  revision_number: maybe(z.number()),
  /** CIDRs. */
  addresses: orElse(z.array(z.string()), []),
});
export type AddressGroup = z.infer<typeof addressGroupSchema>;

export const floatingIpSchema = z.looseObject({
  ...owned,
  floating_ip_address: z.string(),
  floating_network_id: z.string(),
  fixed_ip_address: z.string().nullish(),
  port_id: z.string().nullish(),
  router_id: z.string().nullish(),
  status: maybe(z.string()),
});
export type FloatingIp = z.infer<typeof floatingIpSchema>;

export const routerSchema = z.looseObject({
  ...owned,
  name: z.string(),
  status: z.string(),
  admin_state_up: z.boolean(),
  external_gateway_info: z.looseObject({ network_id: z.string() }).nullish(),
});
export type Router = z.infer<typeof routerSchema>;

export const agentSchema = z.looseObject({
  id: z.string(),
  agent_type: z.string(),
  binary: z.string(),
  host: z.string(),
  alive: z.boolean(),
  admin_state_up: z.boolean(),
  configurations: orElse(z.record(z.string(), z.unknown()), {}),
});
export type Agent = z.infer<typeof agentSchema>;

export const extensionSchema = z.looseObject({ alias: z.string(), name: z.string(), description: maybe(z.string()) });
export type Extension = z.infer<typeof extensionSchema>;
