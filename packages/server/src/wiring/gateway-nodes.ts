import { type AgentHub, gateway } from '@godwit/agent-hub';
import type { GatewayNodes } from '@godwit/network';

/** What stretched networks ask of the sites' border gateways, by their agents. */
export function gatewayNodes(hub: Pick<AgentHub, 'list' | 'call'>): GatewayNodes {
  return {
    async list() {
      return (await hub.list({ role: 'gateway' })).filter((a) => a.state === 'active').map(({ name, site, connected, report }) => ({ name, site, connected, ...(report?.gateway && { report: report.gateway }) }));
    },
    beat: (node) => hub.call(node, gateway.beat, {}),
    lead: (node, order) => hub.call(node, gateway.lead, order),
    async put(node, epoch, { local, remote, ...spec }) {
      const behind = (list: typeof local) => list.map(({ vtep, macs }) => ({ vtep, macs: [...macs] }));
      await hub.call(node, gateway.put, { epoch, spec: { ...spec, local: behind(local), remote: behind(remote) } });
    },
    async forget(node, epoch, network) {
      await hub.call(node, gateway.forget, { epoch, network });
    },
  };
}
