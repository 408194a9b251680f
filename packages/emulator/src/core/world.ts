import type { RpcClient } from '@godwit/oslo-messaging';
import type { ServiceDefinition } from '../http/service.ts';
import { Faults } from '../faults/faults.ts';
import type { Fault } from '../faults/schema.ts';
import { siteSpecs, type Topology } from '../topology/schema.ts';
import type { Clock } from './clock.ts';
import { createRandom, type Random } from './random.ts';
import { Site, type TapEvent } from './site.ts';

export interface WorldOptions {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number | string;
  readonly services: readonly ServiceDefinition<unknown>[];
  /** `http://127.0.0.1:8791`; asked for only once the emulator listens. */
  readonly address: () => string;
  readonly rpc: (site: Site) => RpcClient;
  /** Left out: nobody. */
  readonly brokerUsed?: (site: Site) => boolean;
  readonly tap: (event: TapEvent) => Promise<void>;
  /** A fault that concerns more than the site itself: its broker, its guests. */
  readonly onFault?: (fault: Fault, begins: boolean) => void;
}

/** All sites, their common time, randomness and faults. No network: the front speaks for it. */
export class World {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number | string;
  readonly random: Random;
  readonly faults: Faults;
  readonly shared: Map<string, unknown>;
  readonly sites: ReadonlyMap<string, Site>;

  constructor(options: WorldOptions) {
    this.topology = options.topology;
    this.clock = options.clock;
    this.seed = options.seed;
    this.random = createRandom(options.seed, 'world');
    const sites = new Map<string, Site>();
    this.sites = sites;
    this.faults = new Faults({
      random: createRandom(options.seed, 'faults'),
      siteNames: () => [...sites.keys()],
      apply: (fault, begins) => {
        this.#apply(fault, begins);
        options.onFault?.(fault, begins);
      },
    });
    const shared = new Map<string, unknown>();
    this.shared = shared;
    for (const spec of siteSpecs(options.topology)) {
      const { name } = spec;
      sites.set(name, new Site(spec, {
        clock: options.clock,
        // A stream of its own: what one site draws does not depend on when another was asked.
        random: createRandom(options.seed, name),
        topology: options.topology,
        shared,
        address: () => `${options.address()}/${name}`,
        linked: (a, b) => !this.faults.cut(a, b),
        peer: (peer) => sites.get(peer),
        rpc: options.rpc,
        brokerUsed: options.brokerUsed ?? (() => false),
        tap: options.tap,
        secret: (secret) => createRandom(options.seed, `${name}/secret/${secret}`).hex(24),
        failing: (work, resource) => this.faults.failing(name, work, resource),
      }, options.services));
    }
  }

  #apply(fault: Fault, begins: boolean): void {
    if (!('site' in fault) || fault.site === undefined) return;
    const site = this.sites.get(fault.site);
    if (!site) return;
    if (fault.kind === 'site-down') {
      if (begins) site.kill();
      // Two faults may hold a site down.
      else if (this.faults.down(fault.site) === undefined) site.revive();
    }
    if (fault.kind === 'storage-full') site.storageFull = begins;
    if (fault.kind === 'daemon-down') {
      if (begins) site.daemonsDown.set(fault.daemon, site.clock.now());
      else site.daemonsDown.delete(fault.daemon);
      for (const [service, state] of site.states()) service.onDaemon?.(state, site, fault.daemon, !begins);
    }
    if (fault.kind === 'guest-agent') for (const [service, state] of site.states()) service.onGuestAgent?.(state, site, fault.server, begins ? fault.how : undefined);
    if (fault.kind === 'clock-skew') site.skewMs += begins ? fault.ms : -fault.ms;
  }
}
