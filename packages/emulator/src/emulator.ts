import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { MemoryBroker } from '@godwit/oslo-messaging';
import { Brokers, type BrokerUser } from './broker/brokers.ts';
import { cloudEntries, type CloudEntry, type ConfigFiles, writeConfig, type WriteConfigOptions } from './config.ts';
import { type Clock, createClock } from './core/clock.ts';
import { cephFsid } from './cinder/rbd-state.ts';
import { storeNamed } from './cinder/stores.ts';
import { rbd, type RbdAnswer } from './rbd/command.ts';
import { createRandom } from './core/random.ts';
import type { Site } from './core/site.ts';
import { World } from './core/world.ts';
import { EmulatorError } from './errors.ts';
import type { InjectedFault } from './faults/faults.ts';
import type { FaultInput } from './faults/schema.ts';
import { type AnsweredRequest, createFront } from './http/front.ts';
import type { ServiceDefinition } from './http/service.ts';
import { control } from './control.ts';
import { restoreWorld, type SavedWorld, saveWorld, workUnderWay } from './core/saved.ts';
import { type FrozenGuest, frozenGuests, inventory, type SiteInventory } from './inspection.ts';
import { createTaps, type TapListener } from './core/taps.ts';
import { createRouteTable } from './http/table.ts';
import { allServices } from './services.ts';
import { loadTopology } from './topology/load.ts';
import type { Topology } from './topology/schema.ts';

const CHANGES_KEPT = 20_000;

export interface EmulatorOptions {
  /** A topology, or the path of its file (the lab's own, or one like them). */
  readonly topology: Topology | string;
  /** All ids, work times and faults follow from it. Default 1. */
  readonly seed?: number | string;
  /** How many times faster than real the services work; default 1. The time of day is never compressed. */
  readonly speed?: number;
  /** Instead of real time: `createManualTime()`. */
  readonly clock?: Clock;
  /** Of the HTTP APIs, on loopback; default any that is free. */
  readonly port?: number;
  /** Of the sites' message brokers (AMQP), on loopback; default any that is free. */
  readonly amqpPort?: number;
  /** How often a guest's writer appends a line, in milliseconds; default 20; 0: never. */
  readonly writerMs?: number;
  readonly services?: readonly ServiceDefinition<unknown>[];
  readonly onAnswer?: (request: AnsweredRequest) => void;
  /** A mistake of the emulator itself (the client gets a 500). Default: written to stderr. */
  readonly onMistake?: (error: unknown, request: string) => void;
}

export interface Emulator {
  /** `http://127.0.0.1:8791` */
  readonly url: string;
  /** Of AMQP; the virtual host is the site's name. */
  readonly amqpPort: number;
  readonly world: World;
  /** `amqp://godwit:…@127.0.0.1:5672/site1` */
  rpcUrl(site: string, user?: BrokerUser): string;
  /** A site's RabbitMQ, to look at its queues. */
  broker(site: string): MemoryBroker;
  /** @throws EmulatorError EMU_SITE */
  site(name: string): Site;
  /** Everything that the sites (or one) have. */
  inventory(site?: string): SiteInventory[];
  frozen(): FrozenGuest[];
  /** What lies on the backup target that the sites share. */
  backupBytes(): number;
  /** Requests that asked for a change and were answered, oldest first; some ten thousand are kept. */
  readonly changes: readonly AnsweredRequest[];
  /** How many things the services are still working on. */
  readonly working: number;
  /** All that the sites have, as plain data. Take it when nothing is being worked on. */
  save(): SavedWorld;
  /** Puts it back in place (addresses, ids and tokens stay good): faults are lifted, work under way is dropped, Godwit's queues are deleted. */
  restore(saved: SavedWorld): void;
  /** `rbd` of a site's Ceph, whose pool `volumes` mirrors with that of the other sites. `digest`: SHA-256 of what an export would print. */
  rbd(site: string, args: readonly string[], options?: { readonly digest?: boolean }): Promise<RbdAnswer>;
  /** The site's ceph.conf, as far as it names the cluster. */
  cephConf(site: string): string;
  /** @throws EmulatorError EMU_FAULT */
  inject(fault: FaultInput): InjectedFault;
  /**
   * Looks on at everything that clients ask for: awaited before each effect, and after it, before it is answered. What it throws, or a fault that it
   * injects, happens at that moment. @returns a function that ends it
   */
  tap(listener: TapListener): () => void;
  /** Entries of clouds.yaml, named as the lab names them: SITE, SITE-admin, SITE-godwit, … */
  clouds(): Record<string, CloudEntry>;
  /** clouds.yaml, and a godwit.yaml for all sites, as `lab up` writes them (0600). @returns their paths */
  writeConfig(directory: string, options?: WriteConfigOptions): ConfigFiles;
  close(): Promise<void>;
}

/** @throws EmulatorError EMU_TOPOLOGY, EMU_PORT */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const topology = typeof options.topology === 'string' ? loadTopology(options.topology) : options.topology;
  const clock = options.clock ?? createClock(options.speed === undefined ? {} : { speed: options.speed });
  const services = options.services ?? allServices(options.writerMs === undefined ? {} : { writerMs: options.writerMs });
  let url = '';
  const seed = options.seed ?? 1;
  const taps = createTaps();
  let brokers: Brokers | undefined;
  const running = (): Brokers => {
    if (!brokers) throw new EmulatorError('EMU_SITE', 'the message brokers are not there yet');
    return brokers;
  };
  const world: World = new World({ topology, clock, seed, services, address: () => url, rpc: (site) => running().daemons(site), brokerUsed: (site) => brokers?.known(site) !== undefined, tap: (event) => taps.emit(event), onFault: (fault, begins) => running().onFault(fault, begins) });
  brokers = new Brokers({ sites: world.sites, faults: world.faults, clock });
  const { server: amqp } = brokers;
  const ids = createRandom(seed, 'requests');
  const front = createFront({
    site: (name) => world.sites.get(name),
    tables: new Map(services.map((service) => [service.name, createRouteTable(service)])),
    faults: world.faults,
    taps,
    newRequestId: () => `req-${ids.uuid()}`,
    control: (request, response, path) => control(emulator, request, response, path),
    onMistake: options.onMistake ?? ((error, request) => void process.stderr.write(`emulator: ${request}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)),
    onAnswer: (request) => {
      if (request.mutates) {
        changes.push(request);
        if (changes.length > CHANGES_KEPT) changes.splice(0, CHANGES_KEPT / 2);
      }
      options.onAnswer?.(request);
    },
  });
  const changes: AnsweredRequest[] = [];
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, front);
  const port = await listen(server, options.port ?? 0);
  url = `http://127.0.0.1:${String(port)}`;
  const amqpPort = await listen(amqp, options.amqpPort ?? 0).catch((error: unknown) => {
    server.close();
    throw error;
  });
  const siteOf = (name: string): Site => {
    const site = world.sites.get(name);
    if (!site) throw new EmulatorError('EMU_SITE', `there is no site ${name}; sites: ${[...world.sites.keys()].slice(0, 10).join(', ')}`);
    return site;
  };
  const rpcUrl = (name: string, user: BrokerUser = 'godwit'): string => Brokers.url(siteOf(name), amqpPort, user);
  const emulator: Emulator = {
    url,
    amqpPort,
    world,
    rpcUrl,
    broker: (name) => running().of(siteOf(name)),
    site: siteOf,
    rbd: (name, args, given) => rbd(siteOf(name), args, given),
    cephConf: (name) => `[global]\nfsid = ${cephFsid(siteOf(name))}\n`,
    inject: (fault) => world.faults.inject(fault),
    tap: (listener) => taps.add(listener),
    clouds: () => cloudEntries(world),
    writeConfig: (directory, given) => writeConfig(world, directory, (site) => rpcUrl(site), given),
    inventory: (only) => inventory(world, running(), only),
    frozen: () => frozenGuests(world),
    backupBytes: () => [...world.sites.values()].slice(0, 1).reduce((n, site) => n + storeNamed(site, 'backups').used, 0),
    changes,
    get working() {
      return workUnderWay(world.sites.values());
    },
    save: () => saveWorld(world),
    restore(saved) {
      world.faults.liftAll();
      restoreWorld(world, saved);
      for (const site of world.sites.values()) {
        const broker = running().known(site);
        for (const { queue } of broker?.queues() ?? []) if (queue.startsWith('godwit.') && !queue.startsWith('godwit.reply.')) broker?.deleteQueue(queue);
      }
      changes.length = 0;
    },
    async close() {
      await running().close();
      clock.stop();
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
  return emulator;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on: ${cause.message}`;
      reject(new EmulatorError('EMU_PORT', `port ${String(port)} of 127.0.0.1 ${why}`, { cause }));
    });
    server.listen(port, '127.0.0.1', 1024, () => resolve((server.address() as AddressInfo).port));
  });
}
