import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Emulator, type EmulatorOptions, startEmulator } from '@godwit/emulator';
import { type Cloud, createCloud, type Port } from '@godwit/openstack';
import { openSites, parseConfig, type SiteRegistry } from '@godwit/sites';
import type { Engine, StepContext, StepOptions, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import { onTestFinished } from 'vitest';
import { createNetworkService, type GatewayNodes, type GroupPlace, type NetworkCaller, type NetworkService } from '../src/index.ts';
import { cloudConfig } from '../../emulator/test/cloud-config.ts';
import { MemoryStore } from './memory-store.ts';

const twoSite = fileURLToPath(new URL('../../../lab/topologies/two-site.yaml', import.meta.url));

export const caller: NetworkCaller = { userName: 'tenant', project: { name: 'vnf', domain: 'Default' }, admin: false };
export const admin: NetworkCaller = { ...caller, userName: 'admin', admin: true };

export interface World {
  readonly emulator: Emulator;
  readonly sites: SiteRegistry;
  readonly store: MemoryStore;
  readonly service: NetworkService;
  cloud(name: string): Cloud;
  /** A server's port: on the site's hypervisor, up a moment later. */
  plug(site: string, network: string, ip: string, more?: Record<string, unknown>): Promise<Port>;
  unplug(site: string, port: string): void;
  mirrors(site: string, network: string): Promise<Port[]>;
  job(id: string): Promise<unknown>;
  /** Another controller on the same database. */
  another(holder: string): NetworkService;
}

/** Two emulated sites and the use case over them: workflows run as they are, in this process. */
export async function world({ groups, gateways, ...options }: Partial<EmulatorOptions> & { readonly start?: boolean; readonly groups?: GroupPlace; readonly gateways?: GatewayNodes } = {}): Promise<World> {
  const emulator = await startEmulator({ topology: twoSite, speed: 1000, ...options });
  const dir = await mkdtemp(join(tmpdir(), 'godwit-network-'));
  const files = emulator.writeConfig(dir);
  const sites = await openSites(parseConfig(await readFile(files.godwit, 'utf8'), files.godwit), { env: {} });
  const clouds = new Map<string, Cloud>();
  const services: NetworkService[] = [];
  onTestFinished(async () => {
    await Promise.all(services.map((s) => s.close()));
    await sites.close();
    await Promise.all([...clouds.values()].map((c) => c.close()));
    await emulator.close();
    await rm(dir, { recursive: true, force: true });
  });
  const store = new MemoryStore();
  const jobs = new Map<string, Promise<unknown>>();
  const make = (holder: string): NetworkService => {
    const service = createNetworkService({
      engine: inlineEngine(jobs), sites, store, holder, ...(groups && { groups }), gateways, log: () => undefined, keeper: { tickMs: 50, everyMs: 400, beatMs: 20_000, frameMs: 300, gate: { beatMs: 40, awayMs: 300, graceMs: 300 } },
      clock: { now: () => new Date(), sleep: (ms, signal) => new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(new Error('aborted'));
        });
      }) },
    });
    services.push(service);
    return service;
  };
  const service = make('c1');
  if (options.start !== false) service.start();
  const cloud = (name: string): Cloud => {
    const made = clouds.get(name) ?? createCloud(cloudConfig(emulator, name));
    clouds.set(name, made);
    return made;
  };
  return {
    emulator, sites, store, service, cloud,
    async plug(site, network, ip, more = {}) {
      const net = (await cloud(site).network.networks.list({ name: network }))[0];
      const port = await cloud(site).network.ports.create({ network_id: net?.id, fixed_ips: [{ ip_address: ip }], ...more });
      emulator.site(site).part('ports').bind(port.id, { deviceId: `vm-${port.id}`, deviceOwner: 'compute:nova', host: emulator.site(site).host });
      return port;
    },
    unplug: (site, port) => emulator.site(site).part('ports').unbind(port),
    mirrors: async (site, network) => {
      const net = (await cloud(`${site}-godwit`).network.networks.list({ name: network }))[0];
      return cloud(`${site}-godwit`).network.ports.list({ network_id: net?.id, device_owner: 'godwit:remote' });
    },
    job: (id) => jobs.get(id) ?? Promise.reject(new Error(`no job ${id}`)),
    another: make,
  };
}

/** Steps run at once, in this process; what is compensated is compensated. */
function inlineEngine(jobs: Map<string, Promise<unknown>>): Engine {
  let n = 0;
  return {
    define: (definition: WorkflowDefinition<unknown, unknown>) => ({
      name: definition.name,
      submit: (input: unknown) => {
        n += 1;
        const id = `job-${n}-${Math.random()}`;
        const run = play(definition, input, id);
        run.catch(() => undefined);
        jobs.set(id, run);
        return Promise.resolve(id);
      },
      result: (id: string) => jobs.get(id),
    }),
  } as unknown as Engine;
}

async function play(definition: WorkflowDefinition<unknown, unknown>, input: unknown, jobId: string): Promise<unknown> {
  const undo: (() => Promise<void>)[] = [];
  const s: StepContext = { jobId, attempt: 1, signal: new AbortController().signal, progress: () => undefined, log: () => undefined };
  const step = async <T>(_name: string, run: (s: StepContext) => Promise<T>, options: StepOptions = {}): Promise<T> => {
    undo.push(() => options.compensate?.(undefined, s) ?? Promise.resolve());
    return run(s);
  };
  const ctx: WorkflowContext = {
    jobId, step,
    all: (name, items, key, run, options = {}) => Promise.all(items.map((item) => step(`${name}[${key(item)}]`, (c) => run(item, c), options.compensate ? { compensate: (r, c) => options.compensate?.(r, c, item) ?? Promise.resolve() } : {}))),
    sleep: () => Promise.resolve(), now: () => Promise.resolve(new Date()),
  };
  try {
    return await definition.run(ctx, input);
  } catch (error) {
    for (const one of undo.reverse()) await one();
    throw error;
  }
}

export async function until(what: string, holds: () => Promise<boolean> | boolean, ms = 6_000): Promise<number> {
  const begun = performance.now();
  for (;;) {
    if (await holds()) return performance.now() - begun;
    if (performance.now() - begun > ms) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((r) => setTimeout(r, 20));
  }
}
