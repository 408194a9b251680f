import { orUndefined, type Port } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { PortRecord, ServerRecord } from '../inventory/types.ts';
import type { RecoveryPlan } from './assess.ts';
import { usableNetwork } from './network.ts';

export interface MadePort {
  readonly id: string;
  readonly mac: string;
  readonly ips: readonly string[];
}

/** Marks what a recovery made; Neutron's ports have no metadata, but every one has a description. */
const mark = (plan: RecoveryPlan): string => `godwit ${plan.group.id} epoch ${plan.epoch}`;

/** Ports with the MAC and IP addresses that the member had. Run twice, they are found by their MAC. */
export async function createPorts(deps: Deps, plan: RecoveryPlan, server: ServerRecord, s: StepContext): Promise<MadePort[]> {
  // One that is started again has its own.
  if (plan.returns?.servers[server.id] !== undefined) return server.ports.map((p) => ({ id: '', mac: p.mac, ips: p.addresses.map((a) => a.ip) }));
  s.progress({ phase: 'CreatingPorts', item: server.name });
  return at(
    plan.to,
    async () => {
      const made: MadePort[] = [];
      for (const record of server.ports) made.push(await createPort(deps, plan, server, record));
      return made;
    },
    `ports of server ${server.name}`,
  );
}

async function createPort(deps: Deps, plan: RecoveryPlan, server: ServerRecord, record: PortRecord): Promise<MadePort> {
  const tenant = deps.sites.get(plan.to).asProject(plan.group.project);
  const { network } = tenant;
  const mapped = deps.sites.map(plan.from, plan.to, 'networks', record.network);
  const net = await usableNetwork(tenant, mapped);
  if (!net) throw new GodwitError('GW_NETWORK_UNMAPPED', 'terminal', `${plan.to}: there is no network ${mapped}`, { site: plan.to, resource: `network ${mapped}` });
  let found = (await network.ports.list({ network_id: net.id, mac_address: record.mac }))[0];
  // On a stretched network the member's own remote port has its addresses.
  if (found && deps.network?.standsFor(found) === plan.from) {
    await deps.network.giveWay({ project: plan.group.project, site: plan.to, networkId: net.id, mac: record.mac });
    found = (await network.ports.list({ network_id: net.id, mac_address: record.mac }))[0];
  }
  if (found) {
    if (found.description === mark(plan)) return summary(found);
    throw new GodwitError('GW_ADDRESS_TAKEN', 'terminal', `${plan.to}: MAC address ${record.mac} of server ${server.name} is used by port ${found.id}`, { site: plan.to, resource: `port ${found.id}`, action: 'Delete that port, or find out whose it is.' });
  }
  const subnets = await network.subnets.list({ network_id: net.id });
  const groups = await network.securityGroups.list();
  const { projectId } = await tenant.session.token();
  const port = await network.ports.create({
    network_id: net.id,
    name: record.name,
    description: mark(plan),
    mac_address: record.mac,
    fixed_ips: record.addresses.map(({ ip, cidr }) => ({ ip_address: ip, subnet_id: subnets.find((x) => x.cidr === cidr)?.id ?? '' })),
    ...(record.portSecurity
      ? {
          security_groups: record.securityGroups.map((name) => {
            const wanted = deps.sites.map(plan.from, plan.to, 'securityGroups', name);
            return groups.find((g) => g.name === wanted && (g.project_id ?? g.tenant_id) === projectId)?.id ?? '';
          }),
          allowed_address_pairs: record.allowedAddressPairs.map((p) => ({ ip_address: p.ip, ...(p.mac ? { mac_address: p.mac } : {}) })),
        }
      : { port_security_enabled: false, security_groups: [] }),
  });
  return summary(port);
}

const summary = (port: Port): MadePort => ({ id: port.id, mac: port.mac_address, ips: (port.fixed_ips ?? []).map((f) => f.ip_address) });

/** Undo, after the servers are gone. */
export async function deletePorts(deps: Deps, plan: RecoveryPlan, _s: StepContext): Promise<void> {
  const { network } = deps.sites.get(plan.to).asProject(plan.group.project);
  await at(plan.to, async () => {
    const mine = (await network.ports.list({ description: mark(plan) })).filter((p) => p.description === mark(plan));
    for (const port of mine) {
      await orUndefined(network.ports.delete(port.id));
      await deps.network?.takeBack({ project: plan.group.project, site: plan.to, networkId: port.network_id, mac: port.mac_address });
    }
  });
}
