import type { Cloud } from '@godwit/openstack';
import type { PortRecord } from './types.ts';

/** A server's ports, in the order in which Neutron made them: the guest's interfaces have that order too. */
export async function readPorts(tenant: Cloud, serverId: string): Promise<PortRecord[]> {
  const [ports, interfaces] = await Promise.all([tenant.network.ports.list({ device_id: serverId }), tenant.compute.servers.interfaces(serverId)]);
  const order = new Map(interfaces.map((i, n) => [i.port_id, n]));
  ports.sort((a, b) => (order.get(a.id) ?? 99) - (order.get(b.id) ?? 99));
  const networks = new Map<string, string>();
  const subnets = new Map<string, string>();
  const groups = new Map<string, string>();
  const once = async (map: Map<string, string>, id: string, get: () => Promise<string>): Promise<string> => {
    const known = map.get(id);
    if (known !== undefined) return known;
    const value = await get();
    map.set(id, value);
    return value;
  };
  return Promise.all(
    ports.map(async (port) => ({
      id: port.id,
      name: port.name ?? '',
      mac: port.mac_address,
      network: await once(networks, port.network_id, async () => (await tenant.network.networks.get(port.network_id)).name),
      addresses: await Promise.all(
        (port.fixed_ips ?? []).map(async (f) => ({ ip: f.ip_address, cidr: await once(subnets, f.subnet_id, async () => (await tenant.network.subnets.get(f.subnet_id)).cidr) })),
      ),
      securityGroups: await Promise.all((port.security_groups ?? []).map((id) => once(groups, id, async () => (await tenant.network.securityGroups.get(id)).name))),
      portSecurity: port.port_security_enabled !== false,
      allowedAddressPairs: (port.allowed_address_pairs ?? []).map((p) => ({ ip: p.ip_address, ...(p.mac_address ? { mac: p.mac_address } : {}) })),
    })),
  );
}
