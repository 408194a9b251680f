import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator, parseTopology, type Emulator } from '@godwit/emulator';
import { makePlan, ResourceStore, RevisionReader, syncPolicySchema, type ActivePolicy } from '@godwit/resources';
import { openSites, parseConfig } from '@godwit/sites';
import { parse, stringify } from 'yaml';
import { table, type BenchReport } from './types.ts';

interface Audit {
  readonly what: string;
  readonly seconds: number;
  readonly requests: number;
  readonly megabytes: number;
  readonly changes: number;
}

/** What the store is asked by an audit; the database is not what is measured here. */
class NoDatabase extends ResourceStore {
  readonly #known = new Map<string, string>();
  constructor() {
    super(undefined as never);
  }
  override baseline = (): Promise<Map<string, string>> => Promise.resolve(this.#known);
  override setBaseline = (_policy: string, entries: ReadonlyMap<string, string>): Promise<void> => {
    for (const [k, v] of entries) this.#known.set(k, v);
    return Promise.resolve();
  };
}

/** The lab's topology with so many sites. */
function topologyOf(sites: number) {
  const file = new URL('../../lab/topologies/two-site.yaml', import.meta.url);
  const raw = parse(readFileSync(file, 'utf8')) as { sites: Record<string, unknown>; networks: unknown; images: unknown };
  raw.sites = Object.fromEntries(Array.from({ length: sites }, (_, n) => [`s${n + 1}`, { index: n + 1, hypervisor: `s${n + 1}-c1` }]));
  raw.networks = [];
  raw.images = [];
  return parseTopology(stringify(raw), 'drift-audit');
}

interface Group { name: string; revision: number; readonly rules: Map<string, { min: number | null; max: number | null }> }

const groupsOf = (emulator: Emulator, site: string): Map<string, Group & Record<string, unknown>> => {
  for (const [service, state] of emulator.site(site).states()) if (service.name === 'network') return (state as { securityGroups: Map<string, Group & Record<string, unknown>> }).securityGroups;
  throw new Error(`${site} has no network service`);
};

/** The same groups at every site, each with four rules; put into the emulator's memory: making half a million by requests is not what is measured. */
function seed(emulator: Emulator, site: string, projectId: string, count: number): void {
  const groups = groupsOf(emulator, site);
  const rule = (groupId: string, n: number): Record<string, unknown> => ({ id: randomUUID(), projectId, groupId, direction: n === 0 ? 'egress' : 'ingress', ethertype: 'IPv4', protocol: 'tcp', min: 1000 + n, max: 1000 + n, remotePrefix: null, remoteGroup: null, remoteAddressGroup: null, description: null, createdAt: 0 });
  for (let n = 0; n < count; n++) {
    const id = randomUUID();
    groups.set(id, { id, projectId, name: `g${n}`, description: '', createdAt: 0, updatedAt: 0, revision: 1, tags: [], stateful: true, rules: new Map([0, 1, 2, 3].map((r) => { const made = rule(id, r); return [made['id'] as string, made as never]; })) });
  }
}

/** How long an audit of many sites takes and how much it asks, when nothing has changed, and when a hundredth has. Sites are emulated, in this same process. */
export async function driftAuditBench({ say, sites = 50, resources = 10_000 }: { readonly say: (text: string) => void; readonly sites?: number; readonly resources?: number }): Promise<BenchReport> {
  let requests = 0;
  let bytes = 0;
  const emulator = await startEmulator({ topology: topologyOf(sites), speed: 1000, onAnswer: (r) => { requests++; bytes += (r as { bytes?: number }).bytes ?? 0; } });
  const dir = await mkdtemp(join(tmpdir(), 'godwit-bench-'));
  try {
    const files = emulator.writeConfig(dir);
    const registry = await openSites(parseConfig(await readFile(files.godwit, 'utf8'), files.godwit), { env: {} });
    const names = [...registry.names()];
    const flavors = 50, keypairs = 40, serverGroups = 10;
    say(`Filling ${sites} sites with ${resources} resources each …`);
    for (const site of names) {
      const tenant = registry.get(site).asProject({ name: 'vnf', domain: 'Default' });
      seed(emulator, site, (await tenant.session.token()).projectId ?? '', resources - flavors - keypairs - serverGroups);
      const admin = registry.get(site).admin;
      const [user] = await admin.identity.users.list({ name: 'tenant' });
      for (let n = 0; n < flavors; n++) await admin.compute.flavors.create({ name: `f${n}`, vcpus: 1, ram: 512, disk: 0 });
      for (let n = 0; n < keypairs; n++) await admin.compute.keypairs.create({ name: `k${n}`, public_key: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(38)}${String(n).padStart(4, 'A')}`, user_id: user?.id ?? '' });
      for (let n = 0; n < serverGroups; n++) await tenant.compute.serverGroups.create({ name: `sg${n}`, policy: 'anti-affinity' });
    }
    const active: ActivePolicy = {
      id: 'bench', projects: [{ name: 'vnf', domain: 'Default' }], users: [{ name: 'tenant', domain: 'Default' }],
      policy: syncPolicySchema.parse({ name: 'bench', kinds: ['security-groups', 'flavors', 'keypairs', 'server-groups'], sites: names, source: names[0] ?? '', names: ['g*', 'f*', 'k*', 'sg*'] }),
    };
    const deps = { sites: registry, store: new NoDatabase(), clock: { now: () => new Date(), sleep: () => Promise.resolve() }, log: () => undefined };
    const reader = new RevisionReader();
    const audits: Audit[] = [];
    const audit = async (what: string): Promise<Audit> => {
      [requests, bytes] = [0, 0];
      const began = performance.now();
      reader.begin();
      const plan = await makePlan(deps, active, reader);
      await deps.store.setBaseline('bench', plan.agreed);
      const done = { what, seconds: (performance.now() - began) / 1_000, requests, megabytes: bytes / 1e6, changes: plan.actions.length };
      if (plan.report.unreachable.length > 0) throw new Error(`sites could not be read: ${JSON.stringify(plan.report.unreachable[0])}`);
      say(`${what}: ${done.seconds.toFixed(1)} s, ${(done.requests / sites).toFixed(1)} requests a site, ${done.changes} changes found, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB resident (with the emulated sites)`);
      audits.push(done);
      return done;
    };
    await audit('the first, everything is read');
    await audit('nothing changed');
    for (const site of names.slice(1)) {
      let n = 0;
      for (const g of groupsOf(emulator, site).values()) {
        if (n++ % 100 !== 0) continue;
        const [rule] = g.rules.values();
        if (rule) [rule.min, rule.max] = [9, 9];
        g.revision++;
      }
    }
    const changed = await audit('1 % changed');
    await audit('1 % changed, looked at again');
    await registry.close();
    const text = [
      table([['audit', 's', 'requests a site', 'changes found'], ...audits.map((a) => [a.what, a.seconds.toFixed(1), (a.requests / sites).toFixed(1), String(a.changes)])]),
      '',
      `${sites} sites x ${resources} resources (aim: 60 s with nothing changed). All sites are emulated by this one process, whose work is in the times too.`,
    ].join('\n');
    return { name: 'drift-audit', text, figures: { sites, resources, audits, found: changed.changes } };
  } finally {
    await emulator.close();
    await rm(dir, { recursive: true, force: true });
  }
}

