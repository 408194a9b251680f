import { GodwitError } from '@godwit/sites';
import type { BorderGatewayReport, GatewayNodes, GatewaySpec } from '../src/index.ts';

const still = { packets: 0, bytes: 0, dropped: 0 };
const side = { received: still, sent: still };

export class FakeGateway {
  epoch = 0;
  active = false;
  away = false;
  readonly specs = new Map<string, GatewaySpec>();
  readonly site: string;
  readonly siteAddress: string;
  readonly transitAddress: string;
  mtu = 1_450;

  constructor(site: string, siteAddress: string, transitAddress: string) {
    [this.site, this.siteAddress, this.transitAddress] = [site, siteAddress, transitAddress];
  }

  admit(epoch: number): void {
    if (epoch < this.epoch) throw new GodwitError('GW_GATEWAY_FENCED', 'terminal', `epoch ${epoch}`);
    this.epoch = epoch;
  }

  report(): BorderGatewayReport {
    return {
      siteAddress: this.siteAddress, transitAddress: this.transitAddress, siteMtu: this.mtu, transitMtu: this.mtu, repairs: 0, problems: [],
      networks: [...this.specs.values()].map((s) => ({ network: s.network, digest: 'x', up: this.active, mtu: s.mtu, entries: 0, site: side, transit: side })),
    };
  }
}

/** Border gateways as far as a controller sees of them: orders, epochs, silence. */
export function fakeGateways(nodes: Record<string, FakeGateway>): GatewayNodes {
  const of = (name: string): FakeGateway => {
    const node = nodes[name];
    if (!node || node.away) throw new GodwitError('GW_AGENT_AWAY', 'waiting', `agent ${name} is away`);
    return node;
  };
  const stand = (g: FakeGateway) => ({ epoch: g.epoch, active: g.active, ok: true });
  return {
    list: () => Promise.resolve(Object.entries(nodes).map(([name, g]) => ({ name, site: g.site, connected: !g.away, report: g.report() }))),
    beat: async (name) => stand(of(name)),
    lead: async (name, { epoch, active }) => {
      const g = of(name);
      g.admit(epoch);
      g.active = active;
      return stand(g);
    },
    put: async (name, epoch, spec) => {
      const g = of(name);
      g.admit(epoch);
      g.specs.set(spec.network, structuredClone(spec));
    },
    forget: async (name, epoch, network) => {
      of(name).admit(epoch);
      of(name).specs.delete(network);
    },
  };
}
