import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { cloudEntries, credentialFiles, type CloudEntry } from './credentials.ts';
import { silentProgress, type Progress } from './engine/progress.ts';
import { runGraph } from './engine/graph.ts';
import { enterSite, siteEnv, type SiteRuntime } from './engine/site-runtime.ts';
import { startOneTasks } from './engine/site-tasks.ts';
import type { SiteExecOptions } from './engine/types.ts';
import { LabError } from './errors.ts';
import { exec, type ExecResult } from './host/exec.ts';
import { currentPlan, down, killSite, openPlanSecrets, openRelay, readRecord, reviveSite, runDirOf, runtimeOf, siteOf, up, type LabPlan, type UpOptions } from './lab.ts';
import { labPaths, type LabPaths } from './paths.ts';
import { ensurePinger } from './pinger.ts';
import { findHolder } from './place/holder.ts';
import { cutSites, healSites, inNetwork, listCuts } from './place/wan.ts';
import type { Relay } from './relay/client.ts';
import type { Topology } from './topology/schema.ts';

export { LabError, type LabErrorKind } from './errors.ts';
export { silentProgress, textProgress, type Progress } from './engine/progress.ts';
export { labPaths, type LabPaths } from './paths.ts';
export type { ExecOptions, ExecResult } from './host/exec.ts';
export type { SiteExecOptions } from './engine/types.ts';
export type { CloudEntry } from './credentials.ts';
export type { UpOptions } from './lab.ts';
export type { SiteSpec } from './topology/load.ts';
export { parseTopology, loadTopology } from './topology/load.ts';
export { storyText, type MemberReport, type Point, type PointReport, type Recovered, type StoryReport } from './demo/report.ts';
export { checkInvariant, type InvariantReport } from './guest/invariant.ts';

export interface ServiceStatus {
  readonly service: string;
  readonly running: boolean;
}

export interface SiteStatus {
  readonly site: string;
  readonly address: string;
  readonly alive: boolean;
  /** Those that run on demand only while they do. */
  readonly services: readonly ServiceStatus[];
}

export interface LabStatus {
  /** Undefined when there is no lab. */
  readonly topology: string | undefined;
  readonly phase: 'down' | 'starting' | 'up';
  readonly sites: readonly SiteStatus[];
  /** Pairs of sites that are cut from each other. */
  readonly cuts: readonly (readonly [string, string])[];
}

/** One machine's lab, for tests, the demonstration and benchmarks. Errors are {@link LabError}. */
export interface Lab {
  readonly paths: LabPaths & { readonly clouds: string; readonly godwit: string; rpcUrl(site: string): string };
  up(options?: UpOptions, progress?: Progress): Promise<void>;
  down(): Promise<void>;
  status(): Promise<LabStatus>;
  /** Power cut: every process of the site is gone when this returns; its disks keep what they held. */
  killSite(site: string): Promise<void>;
  reviveSite(site: string, progress?: Progress): Promise<void>;
  /** Cuts the WAN between two sites, both ways; `ops` still reaches both. */
  cut(a: string, b: string): Promise<void>;
  heal(): Promise<void>;
  /** `kill`: SIGKILL instead of asking it to end. Returns when no process of the service is left. */
  stopService(site: string, service: string, options?: { kill?: boolean }): Promise<void>;
  /** Returns when the service serves again, and before it what it needs of those that run on demand. */
  startService(site: string, service: string): Promise<void>;
  /** Writes the configuration of a service that runs on demand, for what must be done before its first start. */
  configureService(site: string, service: string): void;
  /** Runs a command inside a site, or on this machine's file system in the network `ops`. */
  exec(place: string, argv: readonly string[], options?: SiteExecOptions): Promise<ExecResult>;
  /** Arguments (and environment) for spawning a long-lived process in a place oneself. */
  spawnArgs(place: string, argv: readonly string[], options?: { user?: string }): { argv: string[]; env: Record<string, string> };
  /** What a server has written to its serial console; works for a killed site too. */
  consoleLog(site: string, server: string): string;
  serviceLog(site: string, service: string): string;
  /** Whether the address answers a ping sent from inside the tenant network of that site. */
  ping(site: string, network: string, ip: string, options?: { count?: number; timeoutS?: number }): Promise<boolean>;
  /** Runs a command in a namespace that has a port of its own on a tenant network (to fetch a page from a guest, for instance). */
  execInNetwork(site: string, network: string, argv: readonly string[], options?: SiteExecOptions): Promise<ExecResult>;
  /** The clouds.yaml entry of that name, with its password. */
  cloud(name: string): CloudEntry;
  /** A path inside a site, on this machine: alive or killed, but in a killed one only for files written during this run. */
  sitePath(site: string, path: string): string;
  readonly sites: readonly { readonly name: string; readonly ip: string; readonly hypervisor: string }[];
  /** Of the lab that runs. */
  readonly topology: Topology;
}

async function withRelay<T>(p: LabPlan, run: (relay: Relay) => Promise<T>): Promise<T> {
  const relay = openRelay(p);
  try {
    return await run(relay);
  } finally {
    relay.close();
  }
}

export function openLab(paths: LabPaths = labPaths()): Lab {
  const runDir = runDirOf(paths);
  const runtime = (p: LabPlan, site: string, relay: Relay): SiteRuntime => runtimeOf(p, siteOf(p, site), openPlanSecrets(p), relay);
  /** For what needs no HTTP. */
  const noRelay: Relay = {
    http: () => Promise.reject(new TypeError('no relay')),
    tcp: () => Promise.reject(new TypeError('no relay')),
    close: () => undefined,
  };

  function spawnArgs(place: string, argv: readonly string[], options: { user?: string } = {}): { argv: string[]; env: Record<string, string> } {
    const holder = findHolder(runDir, place);
    if (!holder) {
      if (place !== 'ops') siteOf(currentPlan(paths), place);
      throw new LabError('LAB_SITE_DOWN', place === 'ops' ? 'the lab is not up: run `npm run lab -- up TOPOLOGY`' : `${place} is down`, { kind: 'waiting', site: place });
    }
    if (place === 'ops' || place === 'wan') return { argv: inNetwork(holder, argv), env: { ...process.env } as Record<string, string> };
    return { argv: enterSite(holder, argv, options.user), env: siteEnv(options.user) };
  }

  function sitePath(site: string, path: string): string {
    const p = currentPlan(paths);
    const holder = findHolder(runDir, siteOf(p, site).name);
    if (holder) return join(`/proc/${String(holder.pid)}/root`, path);
    return join(runDir, 'upper', site, 'data', path);
  }

  const read = (file: string, what: string): string => {
    if (!existsSync(file)) throw new LabError('LAB_UNKNOWN', `there is no ${what} (${file})`);
    return readFileSync(file, 'utf8');
  };

  return {
    paths: { ...paths, ...credentialFiles(paths) },
    get sites() {
      return currentPlan(paths).sites;
    },
    get topology() {
      return currentPlan(paths).topology;
    },
    async up(options = {}, progress = silentProgress) {
      await up(paths, options, progress);
    },
    down: () => down(paths),
    async status() {
      let p: LabPlan;
      try {
        p = currentPlan(paths);
      } catch {
        return { topology: undefined, phase: 'down', sites: [], cuts: [] };
      }
      const wan = findHolder(runDir, 'wan');
      const sites = p.sites.map((site) => {
        const alive = findHolder(runDir, site.name) !== undefined;
        const r = alive ? runtime(p, site.name, noRelay) : undefined;
        const always = (r?.services ?? []).map((s) => ({ service: s.name, running: r?.isRunning(s.name) ?? false }));
        const started = (r?.onDemand ?? []).filter((s) => r?.isRunning(s.name)).map((s) => ({ service: s.name, running: true }));
        return { site: site.name, address: site.ip, alive, services: [...always, ...started] };
      });
      const cuts = wan ? (await listCuts(runDir, p.tree)).filter(([a, b]) => a < b) : [];
      return { topology: p.name, phase: readRecord(paths)?.phase ?? 'down', sites, cuts };
    },
    killSite: (site) => killSite(paths, site),
    reviveSite: (site, progress = silentProgress) => reviveSite(paths, site, progress),
    async cut(a, b) {
      const p = currentPlan(paths);
      if (siteOf(p, a) === siteOf(p, b)) throw new LabError('LAB_USAGE', 'cut wants two different sites');
      await cutSites(runDir, p.tree, a, b);
    },
    async heal() {
      await healSites(runDir, currentPlan(paths).tree);
    },
    async stopService(site, service, { kill = false } = {}) {
      const r = runtime(currentPlan(paths), site, noRelay);
      await r.stop(r.service(service), kill);
    },
    async startService(site, service) {
      const p = currentPlan(paths);
      await withRelay(p, async (relay) => {
        const r = runtime(p, site, relay);
        await runGraph(startOneTasks(r, r.service(service), silentProgress), 4);
      });
    },
    configureService(site, service) {
      const r = runtime(currentPlan(paths), site, noRelay);
      r.configureService(r.service(service));
    },
    spawnArgs,
    async exec(place, argv, options = {}) {
      const spawn = spawnArgs(place, argv, options.user === undefined ? {} : { user: options.user });
      return exec(spawn.argv, { ...options, env: { ...spawn.env, ...options.env } });
    },
    sitePath,
    consoleLog: (site, server) => read(sitePath(site, `/var/lib/nova/instances/${server}/console.log`), `console of server ${server} at ${site}`),
    serviceLog: (site, service) => read(sitePath(site, `/var/log/lab/${service}.log`), `log of ${service} at ${site}`),
    async ping(site, network, ip, { count = 1, timeoutS = 2 } = {}) {
      return (await this.execInNetwork(site, network, ['ping', '-n', '-c', String(count), '-W', String(timeoutS), ip])).code === 0;
    },
    async execInNetwork(site, network, argv, options = {}) {
      const p = currentPlan(paths);
      return withRelay(p, async (relay) => {
        const { context } = runtime(p, site, relay);
        return context.exec([...(await ensurePinger(context, network)), ...argv], options);
      });
    },
    cloud(name) {
      const p = currentPlan(paths);
      const entries = cloudEntries(p.topology, p.sites, openPlanSecrets(p));
      const entry = entries[name];
      if (!entry) throw new LabError('LAB_UNKNOWN', `there is no cloud ${name}; there are: ${Object.keys(entries).join(', ')}`);
      return entry;
    },
  };
}
export * from './harness/index.ts';
