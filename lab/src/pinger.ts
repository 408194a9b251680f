import { setTimeout as delay } from 'node:timers/promises';

import { LabError } from './errors.ts';
import type { SiteContext } from './engine/types.ts';
import { ensureProject } from './seed/catalogue.ts';
import type { Json } from './seed/site-api.ts';

/** ETHTOOL_STXCSUM, STSO and SGSO to 0: Open vSwitch's userspace datapath takes frames from a veth before their checksum is filled in, and TCP would hang. */
const checksumOff = `
import socket, fcntl, struct, array, sys
s = socket.socket()
for cmd in (0x17, 0x1f, 0x24):
    a = array.array('B', struct.pack('II', cmd, 0))
    fcntl.ioctl(s, 0x8946, struct.pack('16sP', sys.argv[1].encode(), a.buffer_info()[0]))
`;

interface Port {
  readonly id: string;
  readonly mac: string;
  readonly ip: string;
  readonly prefixLength: number;
  readonly gateway: string;
}

const owner = 'lab:pinger';

async function ensurePort(context: SiteContext, networkName: string): Promise<Port> {
  const { api, topology, site } = context;
  const spec = topology.networks.find((n) => n.name === networkName);
  if (!spec) throw new LabError('LAB_UNKNOWN', `there is no network ${networkName}; there are: ${topology.networks.map((n) => n.name).join(', ')}`);
  const project_id = await ensureProject(context, spec.project);
  const networks = await api.call('network', 'GET', `/v2.0/networks?name=${networkName}&project_id=${project_id}`);
  const network = (networks['networks'] as { id: string }[])[0];
  if (!network) throw new LabError('LAB_UNKNOWN', `${site.name} has no network ${networkName}`, { site: site.name });
  const listed = await api.call('network', 'GET', `/v2.0/ports?network_id=${network.id}&device_owner=${owner}`);
  const port =
    (listed['ports'] as Json[])[0] ??
    ((
      await api.call('network', 'POST', '/v2.0/ports', {
        // Project and (by default) security group of the VMs: so their default group lets it in.
        port: { name: 'lab-pinger', network_id: network.id, project_id, device_owner: owner, 'binding:host_id': site.hypervisor },
      })
    )['port'] as Json);
  const fixed = (port['fixed_ips'] as { ip_address: string }[])[0];
  return { id: String(port['id']), mac: String(port['mac_address']), ip: fixed?.ip_address ?? '', prefixLength: Number(spec.subnet.cidr.split('/')[1]), gateway: spec.subnet.gateway };
}

/**
 * A namespace inside the site with a port of its own on a tenant network, as a VM has one. Returns the arguments that run a
 * command in it (inside the site). Made when first asked for.
 */
export async function ensurePinger(context: SiteContext, networkName: string): Promise<string[]> {
  const namespace = `pinger-${networkName}`;
  const enter = ['ip', 'netns', 'exec', namespace];
  if ((await context.exec(['ip', '-n', namespace, 'link', 'show', 'tenant0'])).code === 0) return enter;
  const port = await ensurePort(context, networkName);
  const tap = `tap${port.id.slice(0, 11)}`;
  const external = `external_ids:iface-id=${port.id} external_ids:attached-mac=${port.mac} external_ids:iface-status=active`;
  await context.execOk(['sh', '-ec', `
    ip netns del ${namespace} 2>/dev/null || true
    ip link del ${tap} 2>/dev/null || true
    ovs-vsctl --timeout=20 --if-exists del-port br-int ${tap}
    ip netns add ${namespace}
    ip link add tenant0 netns ${namespace} address ${port.mac} mtu 1450 type veth peer name ${tap}
    ip link set ${tap} mtu 1450 up
    ip -n ${namespace} link set lo up
    ip -n ${namespace} addr add ${port.ip}/${String(port.prefixLength)} dev tenant0
    ip -n ${namespace} link set tenant0 up
    ovs-vsctl --timeout=20 add-port br-int ${tap} -- set Interface ${tap} ${external}
  `]);
  await context.execOk([...enter, 'python3', '-c', checksumOff, 'tenant0']);
  for (let i = 0; i < 60; i += 1) {
    const shown = await context.api.call('network', 'GET', `/v2.0/ports/${port.id}`);
    if ((shown['port'] as Json)['status'] === 'ACTIVE') return enter;
    await delay(500);
  }
  throw new LabError('LAB_NETWORK', `${context.site.name}: the port of ${namespace} did not become active: see \`logs ${context.site.name} neutron-ovs-agent\``, {
    kind: 'retryable', site: context.site.name,
  });
}
