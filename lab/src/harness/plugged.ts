import { isOpenStackError, type Cloud, type Port } from '@godwit/openstack';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../index.ts';
import { projectRoot } from './controller.ts';
import { eventually } from './wait.ts';

/** A namespace on a site's integration bridge, with a Neutron port of its own: all that a network sees of a VM. */
export interface Plugged {
  readonly site: string;
  readonly name: string;
  readonly port: Port;
  readonly ip: string;
  readonly mac: string;
  readonly tap: string;
  readonly namespace: string;
}

export interface PlugOptions {
  readonly networkId: string;
  readonly name: string;
  readonly ip?: string;
  readonly mac?: string;
  readonly groups?: readonly string[];
  readonly prefixLength?: number;
  readonly mtu?: number;
  /** Resolves before its port is ACTIVE. */
  readonly noWait?: boolean;
}

const hostOf = (lab: Lab, site: string): string => {
  const found = lab.sites.find((s) => s.name === site);
  if (!found) throw new Error(`the lab has no site ${site}`);
  return found.hypervisor;
};
const run = async (lab: Lab, site: string, argv: readonly string[]): Promise<string> => {
  const result = await lab.exec(site, argv, { timeoutMs: 60_000 });
  if (result.code !== 0) throw new Error(`${site}: ${argv.slice(0, 3).join(' ')} ended with ${result.code}: ${result.stderr}${result.stdout}`);
  return result.stdout;
};

/** @param cloud may bind ports to hosts in the network's project */
export async function plug(lab: Lab, site: string, cloud: Cloud, options: PlugOptions): Promise<Plugged> {
  const { networkId, name, ip, mac, groups, prefixLength = 24, mtu = 1450 } = options;
  const port = await cloud.network.ports.create({
    network_id: networkId, name, device_owner: 'lab:vm', device_id: name, 'binding:host_id': hostOf(lab, site), ...(ip !== undefined && { fixed_ips: [{ ip_address: ip }] }), ...(mac !== undefined && { mac_address: mac }), ...(groups && { security_groups: groups }),
  });
  if (port['binding:vif_type'] !== 'ovs') throw new Error(`${site}: port ${name} is ${String(port['binding:vif_type'])}`);
  const plugged: Plugged = { site, name, port, ip: port.fixed_ips[0]?.ip_address ?? '', mac: port.mac_address, tap: `tap${port.id.slice(0, 11)}`, namespace: `net-${name}` };
  const { namespace, tap } = plugged;
  const external = `external_ids:iface-id=${port.id} external_ids:attached-mac=${port.mac_address} external_ids:iface-status=active`;
  await run(lab, site, ['sh', '-ec', `
    ip netns del ${namespace} 2>/dev/null || true
    ip netns add ${namespace}
    ip link add eth0 netns ${namespace} address ${port.mac_address} mtu ${mtu} type veth peer name ${tap}
    ip link set ${tap} mtu ${mtu} up
    # Nothing but what is tried: no neighbour or router is looked for by IPv6.
    ip netns exec ${namespace} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n ${namespace} link set lo up
    ip -n ${namespace} addr add ${plugged.ip}/${prefixLength} dev eth0
    ip -n ${namespace} link set eth0 up
    ip netns exec ${namespace} python3 - <<'X'
import array, fcntl, socket, struct
s = socket.socket()
# TX checksum and segmentation offload: the userspace datapath takes frames from a veth before their checksum is filled in, and TCP would hang.
for cmd in (0x17, 0x1f, 0x24):
    a = array.array('B', struct.pack('II', cmd, 0))
    fcntl.ioctl(s, 0x8946, struct.pack('16sP', b'eth0', a.buffer_info()[0]))
X
    ovs-vsctl --timeout=20 add-port br-int ${tap} -- set Interface ${tap} ${external}
  `]);
  if (options.noWait !== true) await active(cloud, port.id);
  return plugged;
}

export const active = (cloud: Cloud, port: string): Promise<unknown> => eventually(`port ${port} to be ACTIVE`, async () => (await cloud.network.ports.get(port)).status === 'ACTIVE', { everyMs: 100, timeoutMs: 120_000 });

/** Takes it off the bridge and deletes its port; what is gone already is no error. */
export async function unplug(lab: Lab, cloud: Cloud, { site, namespace, tap, port }: Plugged): Promise<void> {
  await lab.exec(site, ['sh', '-c', `ovs-vsctl --timeout=20 --if-exists del-port br-int ${tap}; ip netns del ${namespace}; ip link del ${tap} 2>/dev/null`]);
  await cloud.network.ports.delete(port.id).catch((error: unknown) => {
    if (!isOpenStackError(error, 'OS_NOT_FOUND')) throw error;
  });
}

/** What an interrupted run left. */
export async function clearPlugged(lab: Lab, site: string): Promise<void> {
  await lab.exec(site, ['sh', '-c', 'for n in $(ip netns list | sed -n "s/^\\(net-[^ ]*\\).*/\\1/p"); do for p in $(ip netns pids $n); do kill -9 $p; done; ip netns del $n; done']);
}

const inside = (p: Plugged, argv: readonly string[]): string[] => ['ip', 'netns', 'exec', p.namespace, ...argv];

export const execIn = (lab: Lab, p: Plugged, argv: readonly string[], timeoutMs = 60_000) => lab.exec(p.site, inside(p, argv), { timeoutMs });

/** Whether it answers within the time. */
export async function reaches(lab: Lab, from: Plugged, ip: string, { count = 1, waitS = 1 } = {}): Promise<boolean> {
  return (await execIn(lab, from, ['ping', '-n', '-q', '-c', String(count), '-i', '0.2', '-W', String(waitS), ip])).code === 0;
}

const script = (): string => readFileSync(join(projectRoot, 'lab', 'src', 'harness', 'tcp-peer.py'), 'utf8');

/** Answers on TCP port 7000 with its name and how many bytes came. Ends with the namespace's processes. */
export async function serveTcp(lab: Lab, p: Plugged): Promise<void> {
  const { argv, env } = lab.spawnArgs(p.site, inside(p, ['python3', '-c', script(), 'serve', p.name]));
  const child = spawn(argv[0] ?? '', argv.slice(1), { env, stdio: 'ignore', detached: true });
  child.unref();
  await eventually(`a TCP server in ${p.name}`, async () => /:7000\b/.test((await execIn(lab, p, ['ss', '-Hltn'])).stdout), { timeoutMs: 20_000, everyMs: 100 });
}

export interface TcpResult {
  /** Who answered. */
  readonly name: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly error?: string;
}

export async function sendTcp(lab: Lab, from: Plugged, ip: string, bytes: number, timeoutMs = 60_000): Promise<TcpResult> {
  const { stdout, stderr } = await execIn(lab, from, ['python3', '-c', script(), 'send', ip, String(bytes)], timeoutMs);
  return stdout.trim() === '' ? { name: '', bytes: 0, seconds: 0, error: stderr.trim().split('\n').at(-1) ?? 'no answer' } : (JSON.parse(stdout) as TcpResult);
}
