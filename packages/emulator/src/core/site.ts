import type { RpcClient, RpcTarget, ServeHandler } from '@godwit/oslo-messaging';
import type { SiteParts } from '../between.ts';
import { EmulatorError } from '../errors.ts';
import type { ServiceDefinition } from '../http/service.ts';
import type { SiteSpec, Topology } from '../topology/schema.ts';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** What a site needs of the world around it. */
export interface SiteDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly topology: Topology;
  readonly shared: Map<string, unknown>;
  /** Address of all of the site: `http://127.0.0.1:8791/site1`. */
  readonly address: () => string;
  /** Whether the WAN between two places carries anything now. */
  readonly linked: (a: string, b: string) => boolean;
  /** Another site of the world, for what sites do among themselves. */
  readonly peer: (name: string) => Site | undefined;
  readonly tap: (event: TapEvent) => Promise<void>;
  /** RPC client of the site's daemons. */
  readonly rpc: (site: Site) => RpcClient;
  /** Whether anybody has used the site's broker yet. */
  readonly brokerUsed: (site: Site) => boolean;
  /** A secret of the site's that follows from the seed: the same name gives the same text. */
  readonly secret: (name: string) => string;
  /** Whether work fails by a fault of kind `failure` (`create-server`, `backup`, …); undefined: it does not. */
  readonly failing: (work: string, resource?: string) => string | undefined;
}

/** Something that a client asked for, before it has an effect (`arrived`) and after, before it is answered (`done`). */
export interface TapEvent {
  readonly phase: 'arrived' | 'done';
  readonly site: string;
  /** `compute`, `volume`, …; `nova-compute` for its RPC */
  readonly service: string;
  /** Of HTTP, or of the RPC. */
  readonly method: string;
  /** Below the service, with its query; of an RPC, the server's id. */
  readonly path: string;
  readonly mutates: boolean;
  /** The client's user-agent header; absent for RPC. */
  readonly client?: string;
  /** `req-…`, where the client gives one; absent for RPC. */
  readonly globalRequestId?: string;
}

/** One site: its services' states, its own clock, its life and death. */
export class Site {
  readonly name: string;
  readonly spec: SiteSpec;
  readonly topology: Topology;
  readonly random: Random;
  readonly parts: SiteParts = {};
  /** What the site's daemons serve; they connect when somebody first uses the broker. */
  readonly rpcServers: { readonly target: RpcTarget; readonly handler: ServeHandler }[] = [];
  readonly services: readonly ServiceDefinition<unknown>[];
  readonly clock: Clock;
  /** Name of its region: the site's own. */
  readonly region: string;
  /** Name under which its (first) nova-compute, cinder-volume and L2 agent run. */
  readonly host: string;
  /** What all sites of the world share, by name: the directory of backups. */
  readonly shared: Map<string, unknown>;
  /** Daemons that are not running, by binary: `cinder-backup`, `nova-compute`, `neutron-openvswitch-agent`, … and since when. */
  readonly daemonsDown = new Map<string, number>();
  /** Milliseconds by which the site's clock is ahead. */
  skewMs = 0;
  /** No more bytes fit into its storage. */
  storageFull = false;
  readonly #deps: SiteDeps;
  readonly #states = new Map<ServiceDefinition<unknown>, unknown>();
  #alive = true;
  /** Work of an earlier life is not ended in a later one. */
  #life = 0;
  #working = 0;

  constructor(spec: SiteSpec, deps: SiteDeps, services: readonly ServiceDefinition<unknown>[]) {
    this.name = spec.name;
    this.region = spec.name;
    this.host = spec.hypervisor;
    this.shared = deps.shared;
    this.spec = spec;
    this.topology = deps.topology;
    this.random = deps.random;
    this.clock = deps.clock;
    this.#deps = deps;
    this.services = services;
    for (const service of services) this.#states.set(service, service.createState(this));
  }

  /** Milliseconds since 1970 by the site's own clock: for every timestamp that it writes. */
  now(): number {
    return this.clock.now() + this.skewMs;
  }

  /** Whether a daemon does its work: the site is alive, and no fault holds it down. */
  running(binary: string): boolean {
    return this.#alive && !this.daemonsDown.has(binary);
  }

  get alive(): boolean {
    return this.#alive;
  }

  get address(): string {
    return this.#deps.address();
  }

  /** State of one of its services. */
  state<S>(service: ServiceDefinition<S>): S {
    const state = this.#states.get(service as unknown as ServiceDefinition<unknown>);
    if (state === undefined) throw new EmulatorError('EMU_SITE', `site ${this.name} does not run ${service.name}`);
    return state as S;
  }

  /** A part that another service provides. */
  part<K extends keyof SiteParts>(name: K): NonNullable<SiteParts[K]> {
    const part = this.parts[name];
    if (part === undefined) throw new EmulatorError('EMU_SITE', `site ${this.name} has nothing that provides ${name}`);
    return part;
  }

  /** Runs `action` after work that takes about `ms` on a real site. The site's death drops it. */
  work(ms: number, action: () => void): () => void {
    const life = this.#life;
    this.#working += 1;
    const cancel = this.clock.work(this.random.about(ms), () => {
      if (life !== this.#life) return;
      this.#working -= 1;
      action();
    });
    let over = false;
    return () => {
      if (!over && life === this.#life) this.#working -= 1;
      over = true;
      cancel();
    };
  }

  /** How many things are being worked on. */
  get working(): number {
    return this.#working;
  }

  /** Nothing that is under way is ended any more. */
  dropWork(): void {
    this.#life += 1;
    this.#working = 0;
  }

  /** Whether a fault makes this kind of work fail now, and what it says; `resource`: name of what is worked on. Counts as a hit. */
  failing(work: string, resource?: string): string | undefined {
    return this.#deps.failing(work, resource);
  }

  /** A daemon of this site serves a topic. For createState. */
  serve(target: RpcTarget, handler: ServeHandler): void {
    this.rpcServers.push({ target, handler });
  }

  /** For daemons: lets whoever looks on act at this moment. */
  tap(event: Omit<TapEvent, 'site'>): Promise<void> {
    return this.#deps.tap({ ...event, site: this.name });
  }

  /** For what the site's daemons send. */
  rpc(): RpcClient {
    return this.#deps.rpc(this);
  }

  /** Whether somebody may be there to hear what the daemons send: without, no broker needs to run. */
  get heard(): boolean {
    return this.#deps.brokerUsed(this);
  }

  /** A password or key that follows from the seed: `user/tenant` is the tenant's password. */
  secret(name: string): string {
    return this.#deps.secret(name);
  }

  peer(name: string): Site | undefined {
    return this.#deps.peer(name);
  }

  reaches(other: string): boolean {
    return this.#deps.linked(this.name, other);
  }

  /** Power goes. What is on disk stays. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.dropWork();
    for (const [service, state] of this.#states) service.onDown?.(state, this);
  }

  revive(): void {
    if (this.#alive) return;
    this.#alive = true;
    for (const [service, state] of this.#states) service.onUp?.(state, this);
  }

  /** Service and state, in the order of the world's services. */
  states(): IterableIterator<[ServiceDefinition<unknown>, unknown]> {
    return this.#states.entries();
  }
}
