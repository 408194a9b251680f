import type { GatewayConfig } from '../node/config.ts';
import type { Files } from '../node/files.ts';
import type { Log } from '../node/log.ts';
import { handler, type Handler, type Role } from '../node/role.ts';
import { AgentError, reason } from '../protocol/errors.ts';
import { gateway, gatewayDigest, type GatewayNetwork, type GatewayReport, type GatewayStand } from '../protocol/gateway.ts';
import type { Problem } from '../protocol/values.ts';
import { namesOf } from './names.ts';
import { Orders } from './orders.ts';
import { isDone, planWork, type Work } from './plan.ts';
import { type Link, type Present, readPresent } from './present.ts';
import type { Kernel } from './run-ip.ts';

export interface GatewayRoleOptions {
  readonly config: Pick<GatewayConfig, 'site' | 'transit'>;
  readonly kernel: Kernel;
  readonly files: Files;
  readonly stateDir: string;
  readonly log: Log;
  readonly pollMs?: number;
}

/** Of IPv4, UDP, VXLAN and the inner Ethernet header. */
const overhead = 50;
const workMs = 20_000;

/** A border gateway: carries stretched networks between a site's hypervisors and the other sites' gateways. */
export class GatewayRole implements Role {
  readonly name = 'gateway';
  readonly handlers: readonly Handler[];
  readonly #options: GatewayRoleOptions;
  readonly #orders: Orders;
  #present: Present = readPresent('', '', '');
  #differs: ReadonlySet<string> = new Set();
  #problems: readonly Problem[] = [{ code: 'GW_GATEWAY_FAILED', message: 'the kernel was not looked at yet' }];
  #repairs = 0;
  #sign = '';
  #changed: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: GatewayRoleOptions) {
    this.#options = options;
    this.#orders = new Orders(options.files, options.stateDir);
    const orders = this.#orders;
    const changed = <T>(work: () => Promise<void>, answer: () => T): Promise<T> => this.#alone(async () => {
      await work();
      await this.#settle(false);
      return answer();
    });
    this.handlers = [
      handler(gateway.report, undefined, async () => (await this.#alone(() => this.#settle(true)), this.report())),
      // Not in the lane of the orders: one who works is not dead.
      handler(gateway.beat, undefined, () => Promise.resolve(this.#stand())),
      handler(gateway.lead, 'gateway', ({ epoch, active }) => changed(async () => {
        const other = orders.active !== active || orders.epoch !== epoch;
        orders.admit(epoch);
        await orders.lead(epoch, active);
        if (other) options.log('warn', active ? 'this gateway is the active one' : 'this gateway stands by', { epoch });
      }, () => {
        if (this.#problems.some((p) => p.code === 'GW_GATEWAY_FAILED')) throw this.#failure();
        return this.#stand();
      })),
      handler(gateway.put, 'gateway', ({ epoch, spec }) => changed(async () => {
        orders.admit(epoch);
        this.#refuse(spec);
        await orders.put(epoch, spec);
      }, () => {
        if (this.#differs.has(spec.network)) throw this.#failure();
        return { digest: gatewayDigest(spec) };
      })),
      handler(gateway.forget, 'gateway', ({ epoch, network }) => changed(() => orders.forget(epoch, network), () => ({}))),
    ];
  }

  report(): GatewayReport {
    const { config } = this.#options;
    return {
      epoch: this.#orders.epoch, active: this.#orders.active,
      siteAddress: config.site.address, transitAddress: config.transit.address, siteMtu: this.#mtuAt(config.site.address), transitMtu: this.#mtuAt(config.transit.address),
      networks: this.#orders.networks.slice(0, 500).map((order) => {
        const names = namesOf(order.network);
        const [site, transit] = [this.#present.links.get(names.site), this.#present.links.get(names.transit)];
        const side = (l: Link | undefined) => ({ received: l?.received ?? none, sent: l?.sent ?? none });
        return {
          network: order.network, digest: this.#differs.has(order.network) ? '' : gatewayDigest(order), up: [names.bridge, names.site, names.transit].every((n) => this.#present.links.get(n)?.up === true),
          mtu: Math.min(site?.mtu ?? 0, transit?.mtu ?? 0), entries: [...order.local, ...order.remote].reduce((n, b) => n + b.macs.length, 0), site: side(site), transit: side(transit),
        };
      }),
      repairs: this.#repairs, problems: this.#problems.slice(0, 100),
    };
  }

  ready(): { readonly ok: boolean; readonly reasons: readonly Problem[] } {
    return { ok: this.#problems.length === 0, reasons: this.#problems };
  }

  async start(changed: () => void): Promise<void> {
    this.#changed = changed;
    await this.#orders.load();
    // Before the first controller is heard: a gateway that restarts carries what it carried, by its last orders.
    await this.#alone(() => this.#settle(false));
    this.#next();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#busy;
  }

  #next(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#alone(() => this.#settle(true)).finally(() => this.#next()), this.#options.pollMs ?? 3_000);
  }

  /** Looks, brings the kernel to what was ordered, looks again. Never throws: what is wrong is in the problems. @param unasked what differs was not ordered just now */
  async #settle(unasked: boolean): Promise<void> {
    const { kernel, log } = this.#options;
    const signal = AbortSignal.timeout(workMs);
    const said: string[] = [];
    try {
      let work = await this.#look(signal);
      // Nothing is taken away on the word of a damaged file.
      if (!isDone(work) && this.#orders.damaged === undefined) {
        if (unasked) {
          this.#repairs += 1;
          log('warn', 'the kernel’s tables were not as ordered', { lines: [...work.stop, ...work.links, ...work.tables, ...work.go].slice(0, 5).join('; ') });
        }
        const down = await kernel.batch('ip', work.stop, signal);
        said.push(down, await kernel.batch('ip', work.links, signal));
        for (const bridge of work.shield) await kernel.shield(bridge, signal);
        said.push(await kernel.batch('bridge', work.tables, signal));
        // By what is there now: a device whose tables are not whole stays as it is.
        const rest = await this.#look(signal);
        if (rest.stop.length + rest.links.length + rest.tables.length === 0) said.push(await kernel.batch('ip', rest.go, signal));
        work = await this.#look(signal);
      }
      const open = isDone(work) ? [] : [{ code: 'GW_GATEWAY_FAILED', message: `the kernel is not as ordered: ${said.filter((s) => s !== '').join(' ').replaceAll(/\s+/g, ' ').slice(0, 1_000) || work.problems[0]?.message || 'for no reason given'}` }];
      this.#problems = [...open, ...work.problems, ...this.#lacks()];
    } catch (error) {
      this.#differs = new Set(this.#orders.networks.map((n) => n.network));
      this.#problems = [{ code: error instanceof AgentError ? error.code : 'GW_GATEWAY_FAILED', message: reason(error).slice(0, 2_000) }];
    }
    const sign = JSON.stringify([this.#problems, [...this.#differs], this.#orders.epoch, this.#orders.active]);
    if (sign !== this.#sign) {
      this.#sign = sign;
      this.#changed();
    }
  }

  async #look(signal: AbortSignal): Promise<Work> {
    this.#present = readPresent(...(await this.#options.kernel.look(signal)));
    const work = planWork(this.#present, this.#orders.networks, this.#orders.active, this.#options.config);
    this.#differs = work.differs;
    return work;
  }

  #lacks(): Problem[] {
    const { config } = this.#options;
    const largest = Math.max(0, ...this.#orders.networks.map((n) => n.mtu));
    return [
      ...(this.#orders.damaged === undefined ? [] : [{ code: 'GW_GATEWAY_FAILED', message: this.#orders.damaged }]),
      ...([['site', config.site.address], ['transit', config.transit.address]] as const).flatMap(([which, address]): Problem[] => {
        const mtu = this.#mtuAt(address);
        if (mtu === 0) return [{ code: 'GW_GATEWAY_ADDRESS', message: `its ${which} address ${address} is at no interface that is up` }];
        return mtu < largest ? [{ code: 'GW_GATEWAY_MTU', message: `a network has MTU ${largest}; the interface with ${address} carries ${mtu}: larger packets are sent in fragments` }] : [];
      }),
    ];
  }

  #mtuAt(address: string): number {
    const link = this.#present.links.get(this.#present.addresses.get(address) ?? '');
    return link?.up === true ? Math.max(0, link.mtu - overhead) : 0;
  }

  #stand(): GatewayStand {
    const { site, transit } = this.#options.config;
    return { epoch: this.#orders.epoch, active: this.#orders.active, ok: this.#mtuAt(site.address) > 0 && this.#mtuAt(transit.address) > 0 };
  }

  /** What would send frames to this gateway itself. */
  #refuse({ network, local, remote }: GatewayNetwork): void {
    const { site, transit } = this.#options.config;
    const own = [site.address, transit.address];
    if ([...local, ...remote].some((b) => own.includes(b.vtep))) throw new AgentError('GW_GATEWAY_CLASH', 'terminal', `network ${network} would send frames to this gateway itself`, { action: 'Each gateway needs addresses that no hypervisor and no other gateway has.' });
  }

  #failure(): AgentError {
    return new AgentError('GW_GATEWAY_FAILED', 'retryable', this.#problems[0]?.message ?? 'the kernel is not as ordered', { action: 'Look at the agent’s log at the gateway.' });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#busy.then(work, work);
    this.#busy = mine.catch(() => undefined);
    return mine;
  }
}

const none = { packets: 0, bytes: 0, dropped: 0 };
