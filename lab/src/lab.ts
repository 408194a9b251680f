import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ensureImages } from './images.ts';
import { writeCredentials, credentialFiles } from './credentials.ts';
import { runGraph } from './engine/graph.ts';
import { silentProgress, type Progress } from './engine/progress.ts';
import { siteRuntime, type SiteRuntime } from './engine/site-runtime.ts';
import { initTasks, startTasks, stopCleanly } from './engine/site-tasks.ts';
import { LabError } from './errors.ts';
import { takeLock } from './host/lock.ts';
import { ensurePrerequisites } from './host/prerequisites.ts';
import type { LabPaths } from './paths.ts';
import { findHolder, killPlace, scanHolders } from './place/holder.ts';
import { startSite } from './place/site.ts';
import { connectSite, inNetwork, startOps, startWan } from './place/wan.ts';
import { startRelay, type Relay } from './relay/client.ts';
import { openSecrets, type Secrets } from './secrets.ts';
import { freeze, markState, removeOtherStates, stateFolders, stateKey, type StateFolders } from './state.ts';
import { loadTopology, siteSpecs, type SiteSpec } from './topology/load.ts';
import type { Topology } from './topology/schema.ts';
import { ensureTree, treeFolder } from './tree/build.ts';
import { treeKey } from './tree/packages.ts';

/** What lab.json records of a run, so that other commands need no arguments. */
export interface RunRecord {
  readonly topology: string;
  readonly key: string;
  readonly phase: 'starting' | 'up';
}

export interface UpOptions {
  readonly topology?: string;
  /** Initialize anew even if a finished state is kept. */
  readonly fresh?: boolean;
  readonly mirror?: string | undefined;
}

/** Everything a command needs to know of one lab: its topology, sites, folders and keys. */
export interface LabPlan {
  readonly paths: LabPaths;
  readonly runDir: string;
  readonly name: string;
  /** The topology whose kept state it begins from: its own, or the one that it extends. */
  readonly initializedAs: string;
  readonly topology: Topology;
  readonly sites: readonly SiteSpec[];
  readonly tree: string;
  readonly key: string;
  readonly state: StateFolders;
}

export const runDirOf = (paths: LabPaths): string => join(paths.state, 'run');
const recordFile = (paths: LabPaths): string => join(paths.state, 'lab.json');

export function readRecord(paths: LabPaths): RunRecord | undefined {
  if (!existsSync(recordFile(paths))) return undefined;
  return JSON.parse(readFileSync(recordFile(paths), 'utf8')) as RunRecord;
}

function writeRecord(paths: LabPaths, record: RunRecord): void {
  mkdirSync(paths.state, { recursive: true });
  writeFileSync(recordFile(paths), `${JSON.stringify(record)}\n`);
}

export function plan(paths: LabPaths, topologyName: string, key?: string): LabPlan {
  const { topology, text, initializedAs } = loadTopology(topologyName, join(paths.source, 'topologies'));
  const known = key ?? stateKey(treeKey(), text, paths.source, { star: topology.star !== undefined });
  return {
    paths, name: topologyName, initializedAs, topology, runDir: runDirOf(paths), sites: siteSpecs(topology), tree: treeFolder(paths), key: known, state: stateFolders(paths, known),
  };
}

/** The running lab's plan. */
export function currentPlan(paths: LabPaths): LabPlan {
  const record = readRecord(paths);
  if (!record) throw new LabError('LAB_DOWN', 'the lab is not up: run `npm run lab -- up TOPOLOGY`');
  return plan(paths, record.topology, record.key);
}

export const openPlanSecrets = (p: LabPlan): Secrets => openSecrets(p.state.secrets(existsSync(p.state.folder) ? p.state.folder : p.state.partial));

export const sharedBackups = (p: LabPlan): string => join(p.runDir, 'shared', 'backups');

/** Starts WAN and `ops` when they are not there. Returns a relay that stands in `ops`. */
async function openWan(p: LabPlan): Promise<Relay> {
  await startWan(p.runDir);
  const prefix = p.sites[0]?.prefixLength ?? 16;
  const ops = await startOps(p.runDir, p.topology.wan.ops, prefix);
  return startRelay((argv) => inNetwork(ops, argv), p.paths.source);
}

/** A relay into the `ops` of a lab that is up. */
export function openRelay(p: LabPlan): Relay {
  const ops = findHolder(p.runDir, 'ops');
  if (!ops) throw new LabError('LAB_DOWN', 'the lab is not up: run `npm run lab -- up TOPOLOGY`');
  return startRelay((argv) => inNetwork(ops, argv), p.paths.source);
}

/** Machine-wide number of things that start at once: more only makes each slower than its time limit. */
const parallel = 10;

async function mountSite(p: LabPlan, site: SiteSpec, lower: readonly string[], upper: string): Promise<void> {
  const holder = await startSite({ runDir: p.runDir, name: site.name, hostname: site.hypervisor, lower, upper, sharedBackups: sharedBackups(p), programs: join(p.paths.source, '..', 'dist') });
  await connectSite(p.runDir, site, holder);
}

export function runtimeOf(p: LabPlan, site: SiteSpec, secrets: Secrets, relay: Relay): SiteRuntime {
  const holder = findHolder(p.runDir, site.name);
  if (!holder) throw new LabError('LAB_SITE_DOWN', `${site.name} is down; \`npm run lab -- revive-site ${site.name}\` brings it back`, { site: site.name, kind: 'waiting' });
  return siteRuntime({ site, topology: p.topology, secrets }, holder, relay);
}

export function siteOf(p: LabPlan, name: string): SiteSpec {
  const site = p.sites.find((s) => s.name === name);
  if (!site) throw new LabError('LAB_UNKNOWN', `there is no site ${name}; there are: ${p.sites.map((s) => s.name).join(', ')}`);
  return site;
}

/** First initialization of every site; ends with their state frozen. */
async function initialize(p: LabPlan, progress: Progress): Promise<void> {
  progress.note(`initializing ${p.name} (once per version of the lab)`);
  rmSync(p.state.partial, { recursive: true, force: true });
  mkdirSync(p.state.partial, { recursive: true, mode: 0o700 });
  markState(p.state, p.initializedAs);
  const images = await ensureImages(p.paths, p.topology, p.tree, treeKey(), progress);
  const relay = await openWan(p);
  try {
    const secrets = openSecrets(p.state.secrets(p.state.partial));
    for (const site of p.sites) await mountSite(p, site, [p.tree], p.state.layer(p.state.partial, site.name));
    const runtimes = p.sites.map((s) => runtimeOf(p, s, secrets, relay));
    for (const r of runtimes) r.configure();
    await runGraph(runtimes.flatMap((r) => initTasks(r, images, progress)), parallel);
    progress.note('stopping the services to freeze their state');
    await stopCleanly(runtimes);
    for (const site of p.sites) await killPlace(p.runDir, site.name);
    freeze(p.state, p.sites.map((s) => s.name));
  } finally {
    relay.close();
  }
}

/** Starts one site from its frozen state and this run's own layer. */
async function bootSite(p: LabPlan, site: SiteSpec): Promise<void> {
  if (findHolder(p.runDir, site.name)) return;
  // Remains of a place whose holder's record was lost.
  await killPlace(p.runDir, site.name);
  await mountSite(p, site, [join(p.state.layer(p.state.folder, site.name), 'data'), p.tree], join(p.runDir, 'upper', site.name));
}

async function startServices(p: LabPlan, sites: readonly SiteSpec[], relay: Relay, progress: Progress): Promise<void> {
  const secrets = openPlanSecrets(p);
  const clouds = writeCredentials(p.paths, p.topology, p.sites, secrets);
  const runtimes = sites.map((s) => runtimeOf(p, s, secrets, relay));
  for (const r of runtimes) {
    r.configure();
    r.context.write({ path: '/etc/openstack/clouds.yaml', content: clouds, mode: 0o600 });
  }
  await runGraph(runtimes.flatMap((r) => startTasks(r, progress)), parallel);
}

/** Brings the lab up, from whatever there is: nothing, a package tree, a frozen state, a half-made or a running lab. */
export async function up(paths: LabPaths, options: UpOptions = {}, progress: Progress = silentProgress): Promise<LabPlan> {
  await ensurePrerequisites(progress);
  const release = takeLock(join(paths.state, 'lock'), 'bring the lab up');
  try {
    const record = readRecord(paths);
    const name = options.topology ?? record?.topology ?? 'two-site';
    const running = record?.phase === 'up' && record.topology === name && options.fresh !== true;
    if (record && !running) {
      progress.note('clearing what an earlier run left');
      await clear(paths);
    }
    const latest = plan(paths, name);
    // A lab that runs goes on as it was initialized, even if the lab's source has changed since: its VMs are somebody's work.
    const p = running ? plan(paths, name, record.key) : latest;
    if (p.key !== latest.key) progress.note('this lab was initialized by another version: `down` and `up` make a new one');
    await ensureTree(paths, progress, options);
    if (options.fresh === true) rmSync(p.state.folder, { recursive: true, force: true });
    // From here on a killed `up` is recognized by its record.
    if (!existsSync(p.state.folder)) {
      await clear(paths);
      writeRecord(paths, { topology: name, key: p.key, phase: 'starting' });
      removeOtherStates(paths, p.initializedAs, p.key);
      await initialize(p, progress);
    }
    if (readRecord(paths)?.phase !== 'up') writeRecord(paths, { topology: name, key: p.key, phase: 'starting' });
    const relay = await openWan(p);
    try {
      for (const site of p.sites) await bootSite(p, site);
      await startServices(p, p.sites, relay, progress);
    } finally {
      relay.close();
    }
    writeRecord(paths, { topology: name, key: p.key, phase: 'up' });
    return p;
  } finally {
    release();
  }
}

/** Ends every place of this lab and deletes this run's folders. */
async function clear(paths: LabPaths): Promise<void> {
  const runDir = runDirOf(paths);
  const names = new Set([...scanHolders(runDir).map((h) => h.name), ...(readRecord(paths) ? ['ops', 'wan'] : [])]);
  // `ops` first: whoever talks to the sites from there is not to see them vanish one by one.
  const ordered = [...names].sort((a, b) => Number(b === 'ops') - Number(a === 'ops'));
  for (const name of ordered) await killPlace(runDir, name);
  rmSync(runDir, { recursive: true, force: true });
  rmSync(join(paths.state, 'postgres'), { recursive: true, force: true });
  const record = readRecord(paths);
  if (record) {
    const files = credentialFiles(paths);
    const sites = plan(paths, record.topology, record.key).sites;
    for (const file of [files.clouds, files.godwit, files.masterKey, ...sites.map((s) => files.rpcUrl(s.name)), recordFile(paths)]) rmSync(file, { force: true });
  }
}

/** Ends the lab: no process, mount or namespace of it is left. Kept state stays for the next `up`. */
export async function down(paths: LabPaths): Promise<void> {
  const release = takeLock(join(paths.state, 'lock'), 'take the lab down');
  try {
    await clear(paths);
  } finally {
    release();
  }
}

/** A power cut: every process of the site is killed at once. Its disks keep what they held. */
export async function killSite(paths: LabPaths, name: string): Promise<void> {
  const p = currentPlan(paths);
  await killPlace(p.runDir, siteOf(p, name).name);
}

export async function reviveSite(paths: LabPaths, name: string, progress: Progress = silentProgress): Promise<void> {
  const p = currentPlan(paths);
  const site = siteOf(p, name);
  const release = takeLock(join(paths.state, 'lock'), `revive ${name}`);
  try {
    await bootSite(p, site);
    const relay = openRelay(p);
    try {
      await startServices(p, [site], relay, progress);
    } finally {
      relay.close();
    }
  } finally {
    release();
  }
}
