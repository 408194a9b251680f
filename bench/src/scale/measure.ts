import { mkdtempSync, chmodSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@godwit/workflow';
import { type Api, loadApi, openApi, percentile, tokenOf } from './api.ts';
import { seedGroups, spread } from './groups.ts';
import { type JobsOutcome, runJobs } from './jobs.ts';
import { type EmulatorProcess, postgresMemory, startControllerProcess, startEmulatorProcess, usageOf } from './processes.ts';

export interface ScaleOptions {
  readonly sites: number;
  readonly serversPerSite: number;
  readonly membersPerGroup: number;
  /** Groups that are protected, and then recovered, at once. */
  readonly jobs: number;
  /** How many times faster than real the sites work. */
  readonly speed: number;
  readonly say: (text: string) => void;
}

export interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly n: number;
}

export interface ScaleFigures {
  readonly sites: number;
  readonly groups: number;
  readonly servers: number;
  readonly startMs: number;
  /** From the controller's start until every site was seen to be up. */
  readonly allUpMs: number;
  /** MiB of the controller: at rest, at most, at the end. */
  readonly rss: { readonly idle: number; readonly most: number; readonly end: number };
  readonly postgresMiB: number;
  readonly emulatorMiB: number;
  /** Share of one core at rest. */
  readonly idleCpu: number;
  readonly api: { readonly idle: Readonly<Record<string, Times>>; readonly busy: Readonly<Record<string, Times>> };
  readonly createGroupMs: Times;
  readonly protect: JobsOutcome & { readonly perMinute: number; readonly cpuPerJob: number };
  readonly recover: JobsOutcome & { readonly cpuPerJob: number };
  /** Milliseconds until a dead site was shown as down. */
  readonly noticed: { readonly reset: readonly number[]; readonly hang: readonly number[] };
}

const timesOf = (values: readonly number[]): Times => ({ p50: percentile(values, 50), p99: percentile(values, 99), n: values.length });
const allTimes = (by: Readonly<Record<string, readonly number[]>>): Record<string, Times> => Object.fromEntries(Object.entries(by).map(([kind, values]) => [kind, timesOf(values)]));

/** One size, from nothing to nothing. */
export async function measureScale(options: ScaleOptions): Promise<ScaleFigures> {
  const { sites, say } = options;
  const directory = mkdtempSync(join(tmpdir(), 'godwit-scale-'));
  // PostgreSQL runs as another user.
  chmodSync(directory, 0o755);
  const closing: (() => Promise<unknown> | void)[] = [() => rmSync(directory, { recursive: true, force: true })];
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: join(directory, 'postgres') });
    closing.push(() => postgres.stop());
    say(`${String(sites)} sites: starting`);
    const emulator = await startEmulatorProcess({ ...options, directory });
    closing.push(() => emulator.stop());
    const servers = JSON.parse(readFileSync(join(directory, 'servers.json'), 'utf8')) as Record<string, string[]>;
    const groups = await seedGroups(postgres.databaseUrl, servers, options.membersPerGroup);

    const began = performance.now();
    const controller = await startControllerProcess(emulator.files.godwit, postgres.databaseUrl, directory);
    closing.push(() => controller.stop());
    const entry = (name: string) => {
      const found = emulator.clouds[name];
      if (!found) throw new Error(`no cloud ${name}`);
      return found;
    };
    const open = async (name: string): Promise<Api> => {
      const api = openApi(controller.url, await tokenOf(entry(name)), entry(name).auth.auth_url);
      closing.push(() => api.close());
      return api;
    };
    const [tenant, admin] = [await open('s0001'), await open('s0001-godwit')];
    const allUpMs = await waitAllUp(admin, sites, began);
    say(`${String(sites)} sites: all up after ${(allUpMs / 1000).toFixed(1)} s`);

    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, usageOf(controller.pid).rss)), 500);
    closing.push(() => clearInterval(watch));
    await delay(10_000);
    const before = usageOf(controller.pid);
    await delay(15_000);
    const rested = usageOf(controller.pid);

    let turn = 0;
    const group = () => groups[(turn += 7919) % groups.length];
    const paths = {
      'list sites': () => '/v1/sites',
      'show site': () => `/v1/sites/${group()?.site ?? ''}`,
      'list groups': () => '/v1/groups',
      'show group': () => `/v1/groups/${group()?.name ?? ''}`,
      'list jobs': () => '/v1/jobs',
      'list points': () => `/v1/groups/${group()?.id ?? ''}/recovery-points`,
    };
    const load = (api: Api, ms: number) => loadApi(api, paths, { clients: 4, ms, pauseMs: 40 });
    const idle = allTimes(await load(tenant, 12_000));
    say(`${String(sites)} sites: API ${Object.entries(idle).map(([k, t]) => `${k} ${t.p50.toFixed(1)}/${t.p99.toFixed(1)}`).join(', ')} ms`);

    const creations = await createGroups(tenant, servers, 20);
    say(`${String(sites)} sites: a group is created in ${percentile(creations, 50).toFixed(0)} ms`);

    const chosen = spread(groups, options.jobs);
    const atWork = chosen.length > 0;
    const working = usageOf(controller.pid).cpu;
    let busy: Record<string, number[]> = {};
    const [protect] = await Promise.all([
      runJobs(tenant, chosen.map((g) => ({ path: `/v1/groups/${g.id}/protect`, body: {} })), 15 * 60_000),
      atWork && load(admin, 15_000).then((times) => (busy = times)),
    ]);
    const protectedAt = usageOf(controller.pid).cpu;
    say(`${String(sites)} sites: ${String(protect.succeeded)} of ${String(chosen.length)} protected in ${(protect.ms / 1000).toFixed(1)} s ${JSON.stringify(protect.failed)}`);
    const recover = await runJobs(tenant, chosen.map((g) => ({ path: `/v1/groups/${g.id}/recover`, body: { to: g.recoverySite } })), 15 * 60_000);
    const recoveredAt = usageOf(controller.pid).cpu;
    say(`${String(sites)} sites: ${String(recover.succeeded)} of ${String(chosen.length)} recovered in ${(recover.ms / 1000).toFixed(1)} s ${JSON.stringify(recover.failed)}`);

    const names = Object.keys(servers);
    const noticed = { reset: await noticeDeaths(admin, emulator, names.slice(-3), 'reset'), hang: await noticeDeaths(admin, emulator, names.slice(-6, -3), 'hang') };
    say(`${String(sites)} sites: dead sites noticed after ${[...noticed.reset, ...noticed.hang].map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`);
    return {
      sites, groups: groups.length, servers: Object.values(servers).reduce((sum, s) => sum + s.length, 0), startMs: controller.startMs, allUpMs,
      rss: { idle: rested.rss, most, end: usageOf(controller.pid).rss },
      postgresMiB: postgresMemory(postgres.pid),
      emulatorMiB: usageOf(emulator.pid).rss,
      idleCpu: (rested.cpu - before.cpu) / 15,
      api: { idle, busy: allTimes(busy) },
      createGroupMs: timesOf(creations),
      protect: { ...protect, perMinute: atWork ? protect.succeeded / (protect.ms / 60_000) : 0, cpuPerJob: (protectedAt - working) / Math.max(1, chosen.length) },
      recover: { ...recover, cpuPerJob: (recoveredAt - protectedAt) / Math.max(1, chosen.length) },
      noticed,
    };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function waitAllUp(api: Api, sites: number, began: number): Promise<number> {
  for (;;) {
    const { body } = await api.call('GET', '/v1/sites');
    const up = (body as { sites: { health: { state: string } }[] }).sites.filter((s) => s.health.state === 'up').length;
    const ms = performance.now() - began;
    if (up === sites) return ms;
    if (ms > 120_000) throw new Error(`${String(up)} of ${String(sites)} sites are up after two minutes`);
    await delay(100);
  }
}

/** Through the API, as a user does it; each is forgotten again. */
async function createGroups(api: Api, servers: Readonly<Record<string, readonly string[]>>, count: number): Promise<number[]> {
  const names = Object.keys(servers);
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const site = names[n % names.length] ?? '';
    const { status, body, ms } = await api.call('POST', '/v1/groups', { name: `made-${String(n)}`, site, recoverySite: names[(n + 1) % names.length], members: servers[site]?.slice(0, 10) });
    if (status !== 201) throw new Error(`POST /v1/groups: ${String(status)} ${JSON.stringify(body)}`);
    times.push(ms);
    await api.call('DELETE', `/v1/groups/${(body as { id: string }).id}`);
  }
  return times;
}

async function noticeDeaths(api: Api, emulator: EmulatorProcess, sites: readonly string[], how: 'reset' | 'hang'): Promise<number[]> {
  return Promise.all(sites.map(async (site, n) => {
    // Not all at the same moment of their turns.
    await delay(n * 1_300);
    const fault = await emulator.ask('POST', 'faults', { kind: 'site-down', site, how });
    const began = performance.now();
    for (;;) {
      const { body } = await api.call('GET', `/v1/sites/${site}`);
      const ms = performance.now() - began;
      if ((body as { health: { state: string } }).health.state === 'down') {
        await emulator.ask('DELETE', `faults/${String(fault['id'])}`);
        return ms;
      }
      if (ms > 60_000) throw new Error(`${site} is dead for a minute, and is still shown as up`);
      await delay(50);
    }
  }));
}
