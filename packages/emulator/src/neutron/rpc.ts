import type { Site } from '../core/site.ts';
import { portDown, portUp } from './binding.ts';
import type { Agent, NeutronState, Port } from './state.ts';

/** What agents of the site, and those that are played from outside, tell neutron-rpc-server. */
export function serveRpc(site: Site, state: NeutronState): void {
  site.serve({ exchange: 'neutron', topic: 'q-reports-plugin', version: '1.3' }, (method, args) => Promise.resolve(method === 'report_state' ? reportState(site, state, args) : null));
  site.serve({ exchange: 'neutron', topic: 'q-plugin', version: '1.9' }, (method, args) => Promise.resolve(pluginCall(site, state, method, args)));
  // The site's own agent: what it hears changes flows, which an emulated site has none of. Its exchange is what others listen on.
  site.serve({ exchange: 'neutron', topic: 'q-agent-notifier-l2population-update', server: site.host, version: '1.4' }, () => Promise.resolve(null));
}

/** The time has a fraction of a second and no zone; one of before the server's start is ignored in silence, as the real one does. */
function reportState(site: Site, state: NeutronState, args: Record<string, unknown>): string | null {
  const outer = args['agent_state'] as Record<string, unknown> | undefined;
  const report = outer?.['agent_state'] as Record<string, unknown> | undefined;
  const time = String(args['time'] ?? '');
  if (!report || !/\.\d+$/.test(time)) return null;
  const at = Date.parse(`${time.slice(0, 23)}Z`);
  if (Number.isNaN(at) || at < state.times.startedAt) return null;
  const [type, host] = [String(report['agent_type']), String(report['host'])];
  const known = [...state.agents.values()].find((a) => a.type === type && a.host === host);
  const configurations = (report['configurations'] as Record<string, unknown> | undefined) ?? {};
  if (known) {
    known.beatAt = site.now();
    known.configurations = configurations;
    if (report['start_flag'] === true) known.startedAt = site.now();
    return 'alive';
  }
  const agent: Agent = { id: site.random.uuid(), type, binary: String(report['binary']), topic: String(report['topic'] ?? 'N/A'), host, adminUp: true, configurations, createdAt: site.now(), startedAt: site.now(), beatAt: site.now(), own: false };
  state.agents.set(agent.id, agent);
  return 'new';
}

/** A device is named by its port's id, or by the beginning of it (a tap's name has no room for more). */
function portOf(state: NeutronState, device: unknown): Port | undefined {
  const name = String(device).replace(/^tap/, '');
  return state.ports.get(name) ?? (name.length >= 11 ? [...state.ports.values()].find((p) => p.id.startsWith(name)) : undefined);
}

function pluginCall(site: Site, state: NeutronState, method: string, args: Record<string, unknown>): unknown {
  const { host } = args;
  const up = (device: unknown): boolean => {
    const port = portOf(state, device);
    if (!port || port.hostId !== host || port.vifType !== 'ovs') return false;
    portUp(site, state, port);
    return true;
  };
  const down = (device: unknown): boolean => {
    const port = portOf(state, device);
    if (!port || port.hostId !== host) return false;
    portDown(site, state, port);
    return true;
  };
  switch (method) {
    case 'update_device_up':
      up(args['device']);
      return null;
    case 'update_device_down': {
      const exists = portOf(state, args['device']) !== undefined;
      down(args['device']);
      return { device: args['device'], exists };
    }
    case 'update_device_list': {
      const lists = (key: string): unknown[] => (Array.isArray(args[key]) ? (args[key] as unknown[]) : []);
      const failedUp = lists('devices_up').filter((d) => !up(d));
      const failedDown = lists('devices_down').filter((d) => !down(d));
      return { devices_up: lists('devices_up').filter((d) => !failedUp.includes(d)), failed_devices_up: failedUp, devices_down: lists('devices_down').filter((d) => !failedDown.includes(d)).map((device) => ({ device, exists: true })), failed_devices_down: failedDown };
    }
    default:
      return null;
  }
}
