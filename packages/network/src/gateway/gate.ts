import { TickLoop, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { SiteView } from '../reconcile/observe.ts';
import type { Finding } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
import { specFor } from './specs.ts';
import type { GatewayEnd, GatewayEnds, GatewayLead, GatewayNode, GatewayNodes, GatewayStand } from './types.ts';

export interface GateOptions {
  readonly beatMs?: number;
  /** Silent for so long, a gateway is away. */
  readonly awayMs?: number;
  /** As long, at first: agents need a moment to find a controller that has started. Nothing is lost meanwhile. */
  readonly graceMs?: number;
  /** Between two orders of the same: who lost one gets it again. */
  readonly againMs?: number;
}

interface Health {
  /** Milliseconds since 1970; of the first look, until it has answered. */
  okAt: number;
  stand: GatewayStand | undefined;
  beating: boolean;
  leading: boolean;
}

/** Looks after the border gateways: asks each whether it is well, and lets another of its site take over when the active one is not. Their tables are not in question then: a gateway whose agent is away carries what it carried. */
export class Gate {
  readonly #nodes: GatewayNodes;
  readonly #deps: Deps;
  readonly #options: Required<GateOptions>;
  readonly #health = new Map<string, Health>();
  readonly #put = new Map<string, { readonly json: string; readonly at: number }>();
  readonly #ticks: TickLoop;
  readonly #onLead: (site: string) => void;
  #known: readonly GatewayNode[] = [];
  #leads = new Map<string, GatewayLead>();
  #listedAt = 0;
  #sweptAt = 0;

  /** @param onLead another gateway carries that site's networks from now on */
  constructor(deps: Deps, nodes: GatewayNodes, options: GateOptions, onLead: (site: string) => void) {
    this.#deps = deps;
    this.#nodes = nodes;
    this.#options = { beatMs: 1_000, awayMs: 5_000, graceMs: 15_000, againMs: 60_000, ...options };
    this.#onLead = onLead;
    this.#ticks = new TickLoop(deps.clock, this.#options.beatMs / 2, () => this.tick());
  }

  start(): void {
    this.#ticks.start();
  }

  close(): Promise<void> {
    return this.#ticks.close();
  }

  nodes(): readonly GatewayNode[] {
    return this.#known;
  }

  lead(site: string): GatewayLead | undefined {
    return this.#leads.get(site);
  }

  healthy(node: string): boolean {
    const health = this.#health.get(node);
    return health?.stand !== undefined && this.#deps.clock.now().getTime() - health.okAt < this.#options.awayMs;
  }

  /** The active gateway of each site, as far as it is known where it is reached. */
  ends(): GatewayEnds {
    return new Map([...this.#leads.values()].flatMap(({ site, active, epoch }): [string, GatewayEnd][] => {
      const report = this.#known.find((n) => n.name === active)?.report;
      return report ? [[site, { node: active, epoch, siteAddress: report.siteAddress, transitAddress: report.transitAddress }]] : [];
    }));
  }

  /** Read anew, for those who must not wait for the next look. */
  async refresh(): Promise<void> {
    this.#known = await this.#nodes.list();
    const before = this.#leads;
    this.#leads = new Map((await this.#deps.store.gatewayLeads()).map((l) => [l.site, l]));
    for (const [site, { epoch }] of this.#leads) if (before.get(site) !== undefined && before.get(site)?.epoch !== epoch) this.#onLead(site);
  }

  async tick(): Promise<void> {
    const now = this.#deps.clock.now().getTime();
    try {
      // Most Godwits have no gateway at all.
      if (this.#known.length === 0 && now - this.#listedAt < 5 * this.#options.beatMs) return;
      this.#listedAt = now;
      await this.refresh();
      for (const name of this.#health.keys()) if (!this.#known.some((n) => n.name === name)) this.#health.delete(name);
      for (const node of this.#known) this.#beat(node, now);
      for (const site of new Set(this.#known.map((n) => n.site))) await this.#elect(site);
      for (const node of this.#known) this.#tell(node);
      await this.#sweep(now);
    } catch (error) {
      this.#deps.log('warn', 'border gateways could not be looked after', { error: String(error) });
    }
  }

  /** Not awaited: one that does not answer holds up no other. */
  #beat(node: GatewayNode, now: number): void {
    const health = this.#health.get(node.name) ?? { okAt: now + this.#options.graceMs - this.#options.awayMs, stand: undefined, beating: false, leading: false };
    this.#health.set(node.name, health);
    if (health.beating) return;
    health.beating = true;
    this.#nodes.beat(node.name).then(
      (stand) => {
        health.stand = stand;
        if (stand.ok) health.okAt = this.#deps.clock.now().getTime();
      },
      (error: unknown) => {
        // Connected to another controller alone, which hears it.
        if (toGodwitError(error).code === 'GW_AGENT_AWAY' && node.connected && health.stand !== undefined) health.okAt = this.#deps.clock.now().getTime();
        else this.#forgetOrders(node.name);
      },
    ).finally(() => (health.beating = false));
  }

  async #elect(site: string): Promise<void> {
    const nodes = this.#known.filter((n) => n.site === site);
    const lead = this.#leads.get(site);
    const well = nodes.filter((n) => this.healthy(n.name) && n.report !== undefined);
    const highest = Math.max(lead?.epoch ?? 0, ...nodes.map((n) => this.#health.get(n.name)?.stand?.epoch ?? 0));
    const current = nodes.find((n) => n.name === lead?.active);
    const watched = current && this.#health.get(current.name);
    const lost = lead !== undefined && (!current || (watched !== undefined && this.#deps.clock.now().getTime() - watched.okAt >= this.#options.awayMs));
    let next: GatewayNode | undefined;
    let reason = '';
    if (!lead) [next, reason] = [well.find((n) => this.#health.get(n.name)?.stand?.active === true) ?? well[0], 'the first of its site'];
    else if (lost) [next, reason] = [well.find((n) => n.name !== lead.active), current ? `${lead.active} was not heard for ${this.#options.awayMs / 1_000} s` : `${lead.active} is none of the site’s gateways any more`];
    // A database that was restored, or begun anew, is behind what gateways have seen.
    else if (highest > lead.epoch) [next, reason] = [current, 'the gateways have seen a newer epoch than the database'];
    if (!next) return;
    const since = this.#deps.clock.now().toISOString();
    const elected: GatewayLead = { site, epoch: highest + 1, active: next.name, since, reason };
    if (!(await this.#deps.store.putGatewayLead(elected, lead?.epoch ?? 0))) return;
    this.#leads.set(site, elected);
    this.#deps.log(lead ? 'warn' : 'info', 'a border gateway is the active one of its site', { site, gateway: next.name, epoch: elected.epoch, reason });
    try {
      const health = this.#health.get(next.name);
      const stand = await this.#nodes.lead(next.name, { epoch: elected.epoch, active: true });
      if (health) health.stand = stand;
    } catch (error) {
      this.#deps.log('warn', 'a border gateway could not be told to lead', { gateway: next.name, error: String(error) });
    }
    this.#onLead(site);
  }

  /** Who stands otherwise than it should is told, until it does. */
  #tell(node: GatewayNode): void {
    const lead = this.#leads.get(node.site);
    const health = this.#health.get(node.name);
    if (!lead || !health?.stand || health.leading || !this.healthy(node.name)) return;
    const active = lead.active === node.name;
    if (health.stand.epoch === lead.epoch && health.stand.active === active) return;
    health.leading = true;
    this.#nodes.lead(node.name, { epoch: lead.epoch, active }).then(
      (stand) => (health.stand = stand),
      (error: unknown) => this.#deps.log('debug', 'a border gateway could not be told how it stands', { gateway: node.name, error: String(error) }),
    ).finally(() => (health.leading = false));
  }

  /** Networks that gateways still carry, though nobody has them any more. */
  async #sweep(now: number): Promise<void> {
    if (now - this.#sweptAt < 10 * this.#options.beatMs) return;
    this.#sweptAt = now;
    const there = new Set((await this.#deps.store.list()).filter((r) => r.request.mode === 'gateway' && r.state !== 'Unstretching').map((r) => r.id));
    for (const node of this.#known) {
      const lead = this.#leads.get(node.site);
      if (!lead || !this.healthy(node.name)) continue;
      for (const { network } of node.report?.networks ?? []) {
        if (there.has(network)) continue;
        this.#put.delete(`${node.name} ${network}`);
        await this.#nodes.forget(node.name, lead.epoch, network).catch((error: unknown) => this.#deps.log('debug', 'a border gateway could not forget a network', { gateway: node.name, network, error: String(error) }));
      }
    }
  }

  /** Gives the gateways of all sites their tables of a network, those that stand by as well. @returns why traffic of a site does not pass */
  async order(record: NetworkRecord, views: readonly SiteView[]): Promise<Finding[]> {
    const ends = this.ends();
    const now = this.#deps.clock.now().getTime();
    const findings: Finding[] = [];
    // Of a site of which nothing is known its ports would be taken for gone.
    if (views.length < record.sites.length) return findings;
    await Promise.all(views.flatMap((view) => {
      const spec = specFor(record, view, views.filter((v) => v !== view), ends);
      const end = ends.get(view.site);
      if (!spec || !end) return [];
      const json = JSON.stringify([end.epoch, spec]);
      return this.#known.filter((n) => n.site === view.site).map(async ({ name }) => {
        const key = `${name} ${record.id}`;
        const last = this.#put.get(key);
        if (last?.json === json && now - last.at < this.#options.againMs) return;
        try {
          await this.#nodes.put(name, end.epoch, spec);
          this.#put.set(key, { json, at: now });
        } catch (error) {
          this.#put.delete(key);
          const { code, message, action } = toGodwitError(error, { site: view.site });
          // A standby that is away gets them when it is back.
          if (name === end.node) findings.push({ code, site: view.site, resource: `gateway ${name}`, message, ...(action !== undefined && { action }) });
        }
      });
    }));
    return findings;
  }

  #forgetOrders(node: string): void {
    for (const key of this.#put.keys()) if (key.startsWith(`${node} `)) this.#put.delete(key);
  }
}
