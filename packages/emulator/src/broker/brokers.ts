import { createServer, type Server } from 'node:net';
import { createMemoryBroker, createRpcClient, type MemoryBroker, type RpcClient, type Transport } from '@godwit/oslo-messaging';
import type { Clock } from '../core/clock.ts';
import type { Site } from '../core/site.ts';
import type { Faults } from '../faults/faults.ts';
import type { Fault } from '../faults/schema.ts';
import { AmqpConnection } from './amqp-connection.ts';
import { faultyTransport } from './faulty-transport.ts';

export interface BrokersDeps {
  readonly sites: ReadonlyMap<string, Site>;
  readonly faults: Faults;
  readonly clock: Clock;
}

interface SiteBroker {
  readonly broker: MemoryBroker;
  readonly transport: Transport;
  /** The daemons' client; it serves what the services declared. */
  readonly daemons: RpcClient;
  readonly ready: Promise<void>;
}

const HEARTBEAT_MS = 4_000;

/** `godwit` may do what docs/operators/roles.md gives it, `openstack` everything, as the services' own user. */
export type BrokerUser = 'godwit' | 'openstack';
const isBrokerUser = (name: string): name is BrokerUser => name === 'godwit' || name === 'openstack';

/** A RabbitMQ for each site, behind one AMQP port: the virtual host is the site's name. One comes to life when somebody first connects to it. */
export class Brokers {
  readonly #deps: BrokersDeps;
  readonly #brokers = new Map<string, SiteBroker>();
  readonly #connections = new Set<AmqpConnection>();
  readonly server: Server;
  readonly #beats: NodeJS.Timeout;

  constructor(deps: BrokersDeps) {
    this.#deps = deps;
    this.server = createServer((socket) => {
      const connection: AmqpConnection = new AmqpConnection(socket, {
        open: (virtualHost, username, password) => this.#open(connection, virtualHost, username, password),
        closed: () => this.#connections.delete(connection),
      });
      this.#connections.add(connection);
    });
    this.#beats = setInterval(() => {
      for (const connection of this.#connections) connection.beat();
    }, HEARTBEAT_MS);
    this.#beats.unref();
  }

  /** The site's broker, running. */
  of(site: Site): MemoryBroker {
    return this.#at(site).broker;
  }

  /** The site's broker, if anybody has used it yet. */
  known(site: Site): MemoryBroker | undefined {
    return this.#brokers.get(site.name)?.broker;
  }

  static url(site: Site, port: number, user: BrokerUser): string {
    return `amqp://${user}:${site.secret(`rabbit/${user}`)}@127.0.0.1:${String(port)}/${site.name}`;
  }

  onFault(fault: Fault, begins: boolean): void {
    if (fault.kind === 'cut' && fault.between.includes('controller')) {
      for (const name of fault.between) this.#each(name, (c) => (this.#deps.faults.cut('controller', name) ? c.pause() : c.resume()));
    }
    if (fault.kind !== 'site-down' && fault.kind !== 'broker-down') return;
    const { site } = fault;
    // Silence first, so that the end of the broker's connections is not heard.
    if (begins && fault.kind === 'site-down' && fault.how === 'hang') this.#each(site, (c) => c.pause());
    const entry = this.#brokers.get(site);
    if (begins) entry?.broker.stop();
    else if (!this.#down(site)) entry?.broker.start();
    // What was held up by a dead site does not come to life with it.
    if (!begins) this.#each(site, (c) => c.destroy());
  }

  #down(site: string): boolean {
    return this.#deps.faults.list().some(({ fault }) => (fault.kind === 'site-down' || fault.kind === 'broker-down') && fault.site === site);
  }

  #each(site: string, action: (connection: AmqpConnection) => void): void {
    for (const connection of this.#connections) if (connection.virtualHost === site) action(connection);
  }

  #at(site: Site): SiteBroker {
    const known = this.#brokers.get(site.name);
    if (known) return known;
    const { clock, faults } = this.#deps;
    const broker = createMemoryBroker({ clock, record: false });
    const transport = faultyTransport(broker.transport, { clock, any: () => faults.anyMessage, onMessage: (key, rpc) => faults.onMessage(site.name, key, rpc) });
    // What a real daemon needs after its broker came back: some seconds, divided by the speed.
    const daemons = createRpcClient({ url: broker.url, transport, clock: { now: clock.now, after: clock.after }, newId: () => site.random.hex(), random: () => site.random.next(), name: 'daemons' });
    const ready = (async () => {
      for (const { target, handler } of site.rpcServers) await daemons.serve(target, handler);
    })();
    ready.catch(() => undefined);
    const entry: SiteBroker = { broker, transport, daemons, ready };
    this.#brokers.set(site.name, entry);
    if (this.#down(site.name)) broker.stop();
    return entry;
  }

  async #open(connection: AmqpConnection, virtualHost: string, username: string, password: string): ReturnType<ConstructorParameters<typeof AmqpConnection>[1]['open']> {
    const site = this.#deps.sites.get(virtualHost);
    if (!site) return { refused: `vhost ${virtualHost} not found` };
    if (this.#deps.faults.cut('controller', site.name)) connection.pause();
    // Silent until the fault is lifted, which ends the connection.
    if (this.#deps.faults.down(site.name) === 'hang') return new Promise(() => undefined);
    if (this.#down(site.name)) return 'dead';
    if (!isBrokerUser(username) || password !== site.secret(`rabbit/${username}`)) return { refused: 'Login was refused using authentication mechanism PLAIN.' };
    const { ready, transport } = this.#at(site);
    await ready;
    return transport.connect({ host: '127.0.0.1', port: 0, username, password, virtualHost, name: username, connectTimeoutMs: 10_000, confirmTimeoutMs: 10_000 }).catch(() => 'dead' as const);
  }

  /** RPC client of a site's daemons: Neutron's casts to its agents. */
  daemons(site: Site): RpcClient {
    return this.#at(site).daemons;
  }

  async close(): Promise<void> {
    clearInterval(this.#beats);
    for (const connection of this.#connections) connection.destroy();
    await Promise.allSettled([...this.#brokers.values()].map(({ daemons }) => daemons.close()));
    if (this.server.listening) await new Promise<void>((done) => this.server.close(() => done()));
  }
}
