import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { createIdentity, type IdentityTables, type KeystoneNodes, migrateIdentity, type Sealer, SqlIdentityStore } from '@godwit/identity';
import { createNetworkService, migrateNetwork, type NetworkTables, SqlNetworkStore, standsFor } from '@godwit/network';
import { cephRbd, type Clock, createProtection, migrate, type StorageNodes, Store, systemClock, type Tables } from '@godwit/protection';
import { createResources, migrateResources, ResourceStore, type ResourceTables } from '@godwit/resources';
import { type GodwitConfig, openSites, type RegistryOptions } from '@godwit/sites';
import { createEngine, databaseError, type EngineOptions, globalRequestId, ofTheDriver, stillOurs } from '@godwit/workflow';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { authenticator } from './auth/authenticator.ts';
import { openCatalogue, openDatabase } from './database.ts';
import { keepJobs } from './retention.ts';
import { createServer } from './server.ts';
import { onceDatabaseAnswers } from './starting.ts';
import { version } from './version.ts';
import { groupPlace } from './wiring/group-place.ts';
import { openAgents } from './wiring/agents.ts';
import { recoveryResources } from './wiring/recovery-resources.ts';

export interface ControllerOptions {
  /** As loadConfig() gives it. */
  readonly config: GodwitConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  /** `host:port`, instead of the configuration's. Port 0: any that is free. */
  readonly listen?: string;
  /** Instead of the agents that call home and the configured master key. */
  readonly star?: StarAccess;
  /** Instead of the storage agents that call home. */
  readonly storage?: StorageNodes;
  /** Called at every boundary of every step: tests crash the process there. */
  readonly onBoundary?: EngineOptions['onBoundary'];
  /** Unique among the controllers of a database. Default: host name and port. */
  readonly executorId?: string;
  /** How quickly the engine notices things; tests and emulated sites hurry it. */
  readonly engine?: Pick<EngineOptions, 'heartbeatMs' | 'deadAfterMs' | 'queuePollMs' | 'retryPace'>;
  /** Between two looks at a site. Tests hurry it. */
  readonly clock?: Clock;
  /** Other clients than the real ones: emulated sites have a broker of their own. */
  readonly sites?: Omit<RegistryOptions, 'env'>;
  /** How long close() lets running steps go on, so that a freeze under way can be thawed. Default 35 s. */
  readonly graceMs?: number;
}

/** The star's hands at the nodes, and what its keys are sealed with. */
export interface StarAccess {
  readonly nodes: KeystoneNodes;
  readonly sealer: Sealer;
}

export interface Controller {
  readonly url: string;
  /** Names of the workflows that it runs. */
  readonly workflows: readonly string[];
  /** Stops in order: requests, steps (up to graceMs), connections, the embedded database. Jobs go on at the next start. */
  close(): Promise<void>;
}

/**
 * A whole controller: database, engine, sites, use cases, HTTP API. One in a process (the engine is a singleton).
 * Waits for a database that does not answer, for as long as that takes.
 */
export function startController(options: ControllerOptions): Promise<Controller> {
  const { log, clock = systemClock } = options;
  return onceDatabaseAnswers(() => open(options), { sleep: clock.sleep, log: (message) => log.warn({ part: 'start' }, message) });
}

async function open(options: ControllerOptions): Promise<Controller> {
  const { config, env, log, clock = systemClock } = options;
  // Closed in reverse order, also when a later part does not come up.
  const parts: (() => Promise<unknown> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const part of parts.splice(0).reverse()) {
      try {
        await part();
      } catch (error) {
        log.error({ err: error }, 'a part did not close cleanly');
      }
    }
  };
  const note = (name: string) => (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown): void => log[level]({ part: name, ...(data !== undefined && { data }) }, message);

  let databaseUrl = '';
  try {
    const database = await openDatabase(config.database, env, note('postgres'));
    databaseUrl = database.url;
    parts.push(() => database.close());
    const catalogue = openCatalogue<Tables & ResourceTables>(database.url, (error) => log.warn({ err: error }, 'a database connection broke'));
    parts.push(() => catalogue.destroy());
    // Kysely's type is invariant in its tables; migrations know of none.
    await migrate(catalogue as unknown as Kysely<unknown>);
    await migrateResources(catalogue as unknown as Kysely<unknown>);
    await migrateNetwork(catalogue as unknown as Kysely<unknown>);
    await migrateIdentity(catalogue as unknown as Kysely<unknown>);

    const sites = await openSites(config, { beforeChange: stillOurs, globalRequestId, ...options.sites, env });
    parts.push(() => sites.close());
    const listen = address(options.listen ?? config.server.listen);
    // The same at each start, so that a restarted controller resumes its own jobs at once.
    const executorId = options.executorId ?? `${hostname()}:${listen.port === 0 ? process.pid : listen.port}`;
    const engine = createEngine({
      databaseUrl: database.url,
      applicationVersion: `godwit-${version}`,
      executorId,
      log: note('engine'),
      ...options.engine,
      ...(options.onBoundary && { onBoundary: options.onBoundary }),
    });
    const agents = await openAgents(config, { db: catalogue as unknown as Kysely<unknown>, controller: executorId, listen: address, log: note('agents') });
    if (agents) parts.push(() => agents.hub.close());
    const resources = createResources({ engine, sites, store: new ResourceStore(catalogue as unknown as Kysely<ResourceTables>), clock, log: note('resources') });
    const groups = new Store(catalogue as unknown as Kysely<Tables>);
    const network = createNetworkService({ engine, sites, store: new SqlNetworkStore(catalogue as unknown as Kysely<NetworkTables>), clock, log: note('network'), holder: executorId, groups: groupPlace(groups), gateways: agents?.gateways });
    const storage = options.storage ?? agents?.storage;
    const protection = createProtection({ engine, sites, store: groups, resources: recoveryResources(resources), network: { standsFor, giveWay: network.giveWay, takeBack: network.takeBack }, ...(storage && { replication: cephRbd(storage) }), clock, log: note('protection') });
    const access = options.star ?? agents?.star;
    const identity = config.identity && access && createIdentity({ engine, config: config.identity, sites, ...access, store: new SqlIdentityStore(catalogue as unknown as Kysely<IdentityTables>), clock, log: note('identity') });
    sites.start();
    parts.push(() => engine.stop(options.graceMs ?? 35_000));
    await engine.start();
    parts.push(() => protection.close());
    protection.start();
    parts.push(() => resources.close());
    resources.start();
    parts.push(() => network.close());
    network.start();
    if (identity) {
      parts.push(() => identity.close());
      identity.start();
    }
    parts.push(keepJobs(engine.jobs, clock.now, (error) => log.warn({ err: error }, 'old jobs could not be forgotten')));

    const { tls, roles } = config.server;
    const app = await createServer({
      protection,
      resources,
      network,
      identity,
      sites,
      jobs: engine.jobs,
      agents: agents?.hub,
      authenticate: authenticator({ sites, log }),
      log,
      clock: clock.now,
      roles,
      version,
      ...(config.server.publicUrl !== undefined && { publicUrl: config.server.publicUrl }),
      ...(tls && { tls: { cert: await readFile(tls.certFile, 'utf8'), key: await readFile(tls.keyFile, 'utf8') } }),
    });
    parts.push(() => app.close());
    const url = await app.listen(listen);
    return { url, workflows: engine.workflows(), close };
  } catch (error) {
    await close();
    throw ofTheDriver(error) === undefined ? error : databaseError(error, databaseUrl);
  }
}

/** `[::1]:8790`, `127.0.0.1:8790`, `*:8790` */
function address(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host: host === '*' ? '::' : host, port: Number(listen.slice(colon + 1)) };
}
