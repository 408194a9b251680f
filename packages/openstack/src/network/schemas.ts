import * as z from 'zod';

const owned = { id: z.string(), project_id: z.string().optional(), tenant_id: z.string().optional(), description: z.string().nullish(), tags: z.array(z.string()).optional() };

export const networkSchema = z.looseObject({
  ...owned,
  name: z.string(),
  status: z.string(),
  admin_state_up: z.boolean(),
  mtu: z.number().nullish(),
  shared: z.boolean().optional(),
  subnets: z.array(z.string()).default([]),
  port_security_enabled: z.boolean().optional(),
  'router:external': z.boolean().optional(),
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
  enable_dhcp: z.boolean().optional(),
  allocation_pools: z.array(z.looseObject({ start: z.string(), end: z.string() })).default([]),
  dns_nameservers: z.array(z.string()).default([]),
  host_routes: z.array(z.looseObject({ destination: z.string(), nexthop: z.string() })).default([]),
});
export type Subnet = z.infer<typeof subnetSchema>;

export const portSchema = z.looseObject({
  ...owned,
  name: z.string().nullish().transform((name) => name ?? ''),
  network_id: z.string(),
  mac_address: z.string(),
  fixed_ips: z.array(z.looseObject({ ip_address: z.string(), subnet_id: z.string() })).default([]),
  status: z.string(),
  admin_state_up: z.boolean(),
  device_id: z.string().nullish().transform((id) => id ?? ''),
  device_owner: z.string().nullish().transform((owner) => owner ?? ''),
  security_groups: z.array(z.string()).default([]),
  allowed_address_pairs: z.array(z.looseObject({ ip_address: z.string(), mac_address: z.string().optional() })).default([]),
  port_security_enabled: z.boolean().optional(),
  'binding:vnic_type': z.string().optional(),
  /** Only an administrator sees the binding's host, type and profile. */
  'binding:host_id': z.string().optional(),
  'binding:vif_type': z.string().optional(),
  'binding:profile': z.record(z.string(), z.unknown()).optional(),
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
  description: z.string().nullish(),
});
export type SecurityGroupRule = z.infer<typeof securityGroupRuleSchema>;

export const securityGroupSchema = z.looseObject({
  ...owned,
  name: z.string(),
  stateful: z.boolean().optional(),
  security_group_rules: z.array(securityGroupRuleSchema).default([]),
});
export type SecurityGroup = z.infer<typeof securityGroupSchema>;

export const floatingIpSchema = z.looseObject({
  ...owned,
  floating_ip_address: z.string(),
  floating_network_id: z.string(),
  fixed_ip_address: z.string().nullish(),
  port_id: z.string().nullish(),
  router_id: z.string().nullish(),
  status: z.string().optional(),
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
  configurations: z.record(z.string(), z.unknown()).default({}),
});
export type Agent = z.infer<typeof agentSchema>;

export const extensionSchema = z.looseObject({ alias: z.string(), name: z.string(), description: z.string().optional() });
export type Extension = z.infer<typeof extensionSchema>;
