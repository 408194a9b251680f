import * as z from 'zod';
import { empty, hex, ip, is, mac, nothing, text, timeZ, uuid } from './base.ts';

const dated = { tags: z.array(text), created_at: timeZ, updated_at: timeZ, revision_number: z.int(), project_id: hex, tenant_id: hex };
const networkCommon = {
  id: uuid, name: text, admin_state_up: z.boolean(), mtu: z.int(), status: is('ACTIVE'), subnets: z.array(uuid), shared: z.boolean(), availability_zone_hints: nothing, availability_zones: nothing,
  ipv4_address_scope: z.null(), ipv6_address_scope: z.null(), 'router:external': z.boolean(), description: text, port_security_enabled: z.boolean(), ...dated,
};
export const network = z.strictObject(networkCommon);
export const adminNetwork = z.strictObject({ ...networkCommon, 'provider:network_type': is('vxlan', 'flat', 'vlan'), 'provider:physical_network': text.nullable(), 'provider:segmentation_id': z.int().nullable() });
export const subnet = z.strictObject({
  id: uuid, name: text, network_id: uuid, ip_version: is(4, 6), subnetpool_id: z.null(), enable_dhcp: z.boolean(), ipv6_ra_mode: z.null(), ipv6_address_mode: z.null(), gateway_ip: ip.nullable(), cidr: text,
  allocation_pools: z.array(z.strictObject({ start: ip, end: ip })), host_routes: nothing, dns_nameservers: nothing, description: text, 'router:external': z.boolean(), service_types: nothing, ...dated,
});
export const securityGroupRule = z.strictObject({
  id: uuid, security_group_id: uuid, ethertype: is('IPv4', 'IPv6'), direction: is('egress', 'ingress'), protocol: text.nullable(), port_range_min: z.int().nullable(), port_range_max: z.int().nullable(),
  remote_ip_prefix: text.nullable(), remote_address_group_id: uuid.nullable(), normalized_cidr: text.nullable(), remote_group_id: uuid.nullable(), standard_attr_id: z.int(), belongs_to_default_sg: z.boolean().nullable(),
  description: text.nullable(), ...dated,
});
export const securityGroup = z.strictObject({ id: uuid, name: text, stateful: z.boolean(), description: text, shared: z.boolean(), security_group_rules: z.array(securityGroupRule), ...dated });

const portCommon = {
  id: uuid, name: text, network_id: uuid, mac_address: mac, admin_state_up: z.boolean(), status: is('DOWN', 'ACTIVE', 'BUILD', 'N/A'), device_id: text, device_owner: text,
  fixed_ips: z.array(z.strictObject({ subnet_id: uuid, ip_address: ip })), port_security_enabled: z.boolean(), security_groups: z.array(uuid), 'binding:vnic_type': is('normal'),
  allowed_address_pairs: z.array(z.strictObject({ mac_address: mac, ip_address: ip })), extra_dhcp_opts: nothing, description: text, ...dated,
};
export const port = z.strictObject(portCommon);
const bound = z.strictObject({ connectivity: is('l2'), port_filter: z.boolean(), ovs_hybrid_plug: z.boolean(), datapath_type: text, bridge_name: text, bound_drivers: z.record(text, text) });
/** By an agent that says nothing of its bridge. */
const boundVirtually = z.strictObject({ connectivity: is('l2'), port_filter: z.boolean(), ovs_hybrid_plug: z.null(), datapath_type: text, bound_drivers: z.record(text, text) });
export const adminPort = z.strictObject({ ...portCommon, 'binding:profile': empty, 'binding:host_id': text, 'binding:vif_type': is('unbound', 'ovs', 'binding_failed'), 'binding:vif_details': z.union([empty, bound, boundVirtually]) });

const usage = z.strictObject({ limit: z.int(), used: z.int(), reserved: z.int() });
export const quota = z.object({ network: usage, subnet: usage, subnetpool: usage, port: usage, rbac_policy: usage, security_group: usage, security_group_rule: usage }).catchall(usage);
