import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { GatewayRole } from '../src/gateway/role.ts';
import { ipPrograms, type Kernel } from '../src/gateway/run-ip.ts';
import { Commands } from '../src/node/commands.ts';
import type { Command } from '../src/protocol/command.ts';
import { MemoryFiles } from '../src/testing/memory-files.ts';

const exec = promisify(execFile);
export const sh = async (command: string): Promise<string> => (await exec('/bin/sh', ['-c', command], { maxBuffer: 2 ** 24 })).stdout;

/** Guests: one a site, whose hypervisor is a VXLAN device that has their address itself. */
export const guests = {
  a: { node: 'h1', site: 1, vni: 5_001, ip: '10.9.0.10', mac: '52:54:00:00:01:10' },
  b: { node: 'h2', site: 2, vni: 6_001, ip: '10.9.0.20', mac: '52:54:00:00:02:20' },
} as const;
export type Guest = keyof typeof guests;
export const gateways = ['gw1a', 'gw1b', 'gw2a', 'gw2b'] as const;
export type GatewayName = (typeof gateways)[number];
export const networkId = '0d7e1c52-6f0a-4a55-9a1e-3b1f9c2d4e5f';

const peer = new URL('peer.mjs', import.meta.url).pathname;
const addresses: Record<string, string> = { h1: '10.99.0.11', h2: '10.99.0.12', gw1a: '10.99.0.21', gw1b: '10.99.0.22', gw2a: '10.99.0.31', gw2b: '10.99.0.32' };
export const addressOf = (node: string): string => addresses[node] ?? '';

/** Network namespaces of this machine in one underlay: two hypervisors, and two gateways for each. Real kernels, real frames. */
export async function startUnderlay() {
  const tag = `gwt${process.pid.toString(36)}`;
  const ns = (node: string): string => `${tag}${node}`;
  const all = ['net', ...Object.keys(addresses)];
  const lines = all.map((n) => `ip netns add ${ns(n)}; ip -n ${ns(n)} link set lo up`);
  lines.push(`ip -n ${ns('net')} link add name br0 type bridge; ip -n ${ns('net')} link set br0 mtu 1550 up`);
  for (const [node, address] of Object.entries(addresses)) {
    lines.push(
      `ip -n ${ns('net')} link add name ${node} mtu 1550 type veth peer name eth0 netns ${ns(node)}`,
      `ip -n ${ns('net')} link set ${node} master br0 up`,
      `ip -n ${ns(node)} link set eth0 mtu 1550 up; ip -n ${ns(node)} addr add ${address}/24 dev eth0`,
    );
  }
  for (const { node, vni, ip, mac } of Object.values(guests)) {
    lines.push(
      `ip -n ${ns(node)} link add name vm address ${mac} mtu 1500 type vxlan id ${vni} local ${addressOf(node)} dstport 4789 nolearning`,
      `ip -n ${ns(node)} addr add ${ip}/24 dev vm; ip -n ${ns(node)} link set vm up`,
      // Router solicitations would be counted with what is sent.
      `ip netns exec ${ns(node)} sysctl -qew net.ipv6.conf.vm.disable_ipv6=1`,
    );
  }
  const close = (): Promise<string> => sh(all.map((n) => `ip netns del ${ns(n)} 2>/dev/null || true`).join('\n'));
  await sh(`set -e\n${lines.join('\n')}`).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const servers: ChildProcess[] = [];
  for (const { node } of Object.values(guests)) {
    const server = spawn('ip', ['netns', 'exec', ns(node), process.execPath, peer, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
    servers.push(server);
    await once(server.stdout, 'data');
  }
  const running: GatewayRole[] = [];

  /** As l2population has it: where the other's MAC address lies, and whom to flood to. */
  const point = (guest: Guest, to: GatewayName): Promise<string> => {
    const other = guests[guest === 'a' ? 'b' : 'a'];
    const bridge = `bridge -n ${ns(guests[guest].node)} fdb`;
    return sh(`${bridge} replace ${other.mac} dev vm dst ${addressOf(to)} self static
      for old in $(${bridge} show dev vm | grep ^00:00 | sed 's/.*dst \\([^ ]*\\).*/\\1/'); do ${bridge} del 00:00:00:00:00:00 dev vm dst $old self; done
      ${bridge} append 00:00:00:00:00:00 dev vm dst ${addressOf(to)} self static`);
  };

  return {
    ns, point,
    in: (node: string, command: string): Promise<string> => sh(`ip netns exec ${ns(node)} ${command}`),
    /** What of so many datagrams was answered: `sent/received`. */
    ping: async (from: Guest, { to = guests[from === 'a' ? 'b' : 'a'].ip as string, count = 10, every = 20, size = 64 } = {}): Promise<string> => (await sh(`ip netns exec ${ns(guests[from].node)} ${process.execPath} ${peer} ping ${to} ${count} ${every} ${size}`)).trim(),
    /** Bytes that arrived by TCP, and the milliseconds. */
    pour: async (from: Guest, bytes: number): Promise<string> => (await sh(`ip netns exec ${ns(guests[from].node)} timeout 20 ${process.execPath} ${peer} pour ${guests[from === 'a' ? 'b' : 'a'].ip} ${bytes} || true`)).trim(),
    /** The gateway's agent, without a connection. @param files what was on its disk */
    async gateway(name: GatewayName, files = stateFiles(), spy: (line: string) => void = () => undefined) {
      const real = ipPrograms({ programs: '/usr/sbin', netns: ns(name) });
      const kernel: Kernel = { ...real, batch: (program, list, signal) => (list.forEach(spy), real.batch(program, list, signal)) };
      const address = addressOf(name);
      const role = new GatewayRole({ config: { site: { address, port: 4_789 }, transit: { address, port: 4_790 } }, kernel, files, stateDir: '/state', log: () => undefined, pollMs: 300 });
      running.push(role);
      await role.start(() => undefined);
      const commands = new Commands(role.handlers);
      return {
        role, files,
        call: async <A, R>(command: Command<A, R>, args: A): Promise<R> => command.result.parse(await commands.run(command.name, args, command.timeoutMs, new AbortController().signal)),
      };
    },
    async close(): Promise<void> {
      for (const server of servers) server.kill();
      await Promise.all(running.map((r) => r.stop()));
      await close();
    },
  };
}

export function stateFiles(): MemoryFiles {
  const files = new MemoryFiles();
  files.entries.set('/state', { kind: 'directory', mode: 0o700, uid: 0, gid: 0, text: '' });
  return files;
}
