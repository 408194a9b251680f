import type { Agent } from '@godwit/openstack';
import type { RpcMessage } from '@godwit/oslo-messaging';
import { at, GodwitError, type Site } from '@godwit/sites';
import { z } from 'zod';
import { isVirtualHost } from '../names.ts';
import type { Finding } from '../schemas.ts';
import type { AddressEntry, Driver, Heard, Listening, Redirect, RemoteVtep } from './types.ts';

/** Who we say that we are in an RPC's context. */
const context = { isAdmin: true, userId: 'godwit', projectId: 'godwit', roles: ['admin'] } as const;
const OVS_AGENT = 'Open vSwitch agent';
/** neutron-rpc-server that is being restarted answers when it is back: after 10 s when measured. */
const CALL_MS = 60_000;

const fdbSchema = z.record(z.string(), z.looseObject({ ports: z.record(z.string(), z.unknown()).optional() }));

/** Plays one L2 agent for each remote hypervisor: ML2/OVS with l2population then tells every real agent where the remote ports are. */
export function l2populationDriver(now: () => Date): Driver {
  return {
    name: 'l2population',
    unfit,
    vtepOf,
    report: (site, remote, options) => at(site.name, () => report(site, remote, now(), options?.confirmed === true), `agent ${remote.host}`),
    wire: (site, host, change) => at(site.name, () => wire(site, host, change), `agent ${host}`),
    announce: (site, host, entry) => at(site.name, () => announce(site, host, entry), `host ${host}`),
    redirect: (site, host, change) => at(site.name, () => redirect(site, host, change), `host ${host}`),
    listen: (site, onChange) => at(site.name, () => listen(site, onChange)),
  };
}

function vtepOf(agent: Agent): string | undefined {
  const vtep = agent.configurations['tunneling_ip'];
  return agent.agent_type === OVS_AGENT && typeof vtep === 'string' && vtep !== '' ? vtep : undefined;
}

function unfit(site: Site, agents: readonly Agent[]): Finding[] {
  const finding = (message: string, action: string): Finding => ({ code: 'GW_NETWORK_BACKEND', site: site.name, message: `${site.name}: ${message}`, action });
  const real = agents.filter((a) => a.agent_type === OVS_AGENT && !isVirtualHost(a.host));
  if (real.length === 0) {
    const ovn = agents.some((a) => a.agent_type.startsWith('OVN '));
    return [finding(ovn ? 'its Neutron runs ML2/OVN, for which there is no driver yet' : 'its Neutron has no Open vSwitch agent', 'Only ML2/OVS with l2population can be stretched.')];
  }
  const plain = real.filter((a) => a.configurations['l2_population'] !== true);
  const tunnels = real.filter((a) => vtepOf(a) === undefined || !(Array.isArray(a.configurations['tunnel_types']) && a.configurations['tunnel_types'].includes('vxlan')));
  return [
    ...(plain.length === 0 ? [] : [finding(`the agent on ${plain.map((a) => a.host).join(', ')} runs without l2population`, 'Set [agent] l2_population=true there, and l2population in ML2’s mechanism_drivers.')]),
    ...(tunnels.length === 0 ? [] : [finding(`the agent on ${tunnels.map((a) => a.host).join(', ')} makes no VXLAN tunnels`, 'Set [agent] tunnel_types=vxlan and [ovs] local_ip there.')]),
  ];
}

async function report(site: Site, remote: RemoteVtep, now: Date, confirmed: boolean): Promise<void> {
  const message: RpcMessage = {
    target: { exchange: 'neutron', topic: 'q-reports-plugin', version: '1.3' },
    method: 'report_state',
    args: {
      agent_state: {
        agent_state: {
          agent_type: OVS_AGENT, binary: 'neutron-openvswitch-agent', host: remote.host, topic: 'N/A',
          configurations: { tunneling_ip: remote.vtep, tunnel_types: ['vxlan'], bridge_mappings: {}, l2_population: true },
        },
      },
      // With a fraction of a second and without a zone: otherwise it is ignored in silence.
      time: now.toISOString().slice(0, 23),
    },
    context,
  };
  if (!confirmed) return site.rpc().cast(message);
  const answer = await site.rpc().call(message, { timeoutMs: CALL_MS }).result;
  if (answer !== null && answer !== undefined) return;
  throw new GodwitError('GW_AGENT_REPORT_IGNORED', 'retryable', `${site.name}: Neutron ignored the report of agent ${remote.host}: it is older than neutron-server’s start`, {
    site: site.name, resource: `agent ${remote.host}`, action: 'Set the controller’s clock right: it is behind that site’s.',
  });
}

async function wire(site: Site, host: string, { up, down }: { readonly up: readonly string[]; readonly down: readonly string[] }): Promise<void> {
  if (up.length + down.length === 0) return;
  const message: RpcMessage = {
    target: { exchange: 'neutron', topic: 'q-plugin', version: '1.9' },
    method: 'update_device_list',
    args: { devices_up: up, devices_down: down, agent_id: `ovs-agent-${host}`, host },
    context,
  };
  // About a second for each port on a loaded site.
  await site.rpc().call(message, { timeoutMs: CALL_MS + 2_000 * (up.length + down.length) }).result;
}

/**
 * As l2population tells of a port's changed address. An agent leaves out what is said of its own tunnel end, and takes an entry away by its IP address alone: so it is given
 * either the new entry, which replaces another, or (of no real tunnel end) one to take away.
 */
async function announce(site: Site, host: string, { networkId, ip, mac, vtep, answersItself }: AddressEntry): Promise<void> {
  await site.rpc().cast({
    target: { exchange: 'neutron', topic: 'q-agent-notifier-l2population-update', server: host, version: '1.0' },
    method: 'update_fdb_entries',
    args: { fdb_entries: { chg_ip: { [networkId]: answersItself ? { '0.0.0.0': { before: [[mac, ip]] } } : { [vtep]: { after: [[mac, ip]] } } } } },
    context,
  });
}

const FLOODING = ['00:00:00:00:00:00', '0.0.0.0'] as const;

/**
 * As l2population tells of ports that come: an agent has one flow for each MAC address, so the new end takes the place of the old one without a moment between. Of the old end
 * only the flood entry is taken away: taking away a MAC address takes its flow, wherever it points.
 */
async function redirect(site: Site, host: string, { networkId, vni, from, to, ports }: Redirect): Promise<void> {
  const cast = (method: 'add_fdb_entries' | 'remove_fdb_entries', vtep: string, entries: readonly (readonly [string, string])[]): Promise<void> => site.rpc().cast({
    target: { exchange: 'neutron', topic: 'q-agent-notifier-l2population-update', server: host, version: '1.0' },
    method,
    args: { fdb_entries: { [networkId]: { segment_id: vni, network_type: 'vxlan', ports: { [vtep]: entries } } } },
    context,
  });
  await cast('add_fdb_entries', to, [FLOODING, ...ports.flatMap(({ mac, ips }) => ips.map((ip) => [mac, ip] as const))]);
  await cast('remove_fdb_entries', from, [FLOODING]);
}

async function listen(site: Site, onChange: (heard: Heard) => void): Promise<Listening> {
  return site.rpc().listen('q-agent-notifier-l2population-update', ({ method, args }) => {
    if (!/^(add|remove|update)_fdb_entries$/.test(method)) return;
    // An update of addresses is told otherwise: {chg_ip: {network: {vtep: …}}}
    const entries = fdbSchema.safeParse(args['fdb_entries']);
    const changed = z.object({ chg_ip: z.record(z.string(), z.record(z.string(), z.unknown())) }).safeParse(args['fdb_entries']);
    const gone = method.startsWith('remove');
    if (changed.success) for (const [networkId, by] of Object.entries(changed.data.chg_ip)) onChange({ networkId, vteps: Object.keys(by), gone });
    else if (entries.success) for (const [networkId, { ports }] of Object.entries(entries.data)) onChange({ networkId, vteps: Object.keys(ports ?? {}), gone });
  });
}
