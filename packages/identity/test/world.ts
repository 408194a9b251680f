import { createHash, randomUUID } from 'node:crypto';
import { type IdentityConfig, parseConfig, type SiteRegistry } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../src/deps.ts';
import type { KeyKind, Sealer } from '../src/nodes.ts';
import { createStar } from '../src/star.ts';
import type { IdentityStore } from '../src/store/types.ts';
import { FakeNode, FakeNodes, member, replica } from './fake-nodes.ts';
import { MemoryStore } from './memory-store.ts';

/** Time that passes only when somebody waits; what is due in between happens in between. */
export class ManualClock {
  #ms: number;
  readonly #due: { at: number; run: () => void }[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#ms = start;
  }

  now = (): Date => new Date(this.#ms);
  at(ms: number, run: () => void): void {
    this.#due.push({ at: this.#ms + ms, run });
    this.#due.sort((a, b) => a.at - b.at);
  }
  sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    const end = this.#ms + ms;
    for (;;) {
      const [next] = this.#due;
      if (!next || next.at > end) break;
      this.#due.shift();
      this.#ms = Math.max(this.#ms, next.at);
      next.run();
    }
    this.#ms = Math.max(this.#ms, end);
    await Promise.resolve();
  };
}

/** Reversible, and recognizable: a key must never be seen outside. */
export const fakeSealer: Sealer = {
  seal: (plain, context) => Promise.resolve(JSON.stringify([context, Buffer.from(plain).toString('hex')])),
  open: (sealed, context) => {
    const [bound, hex] = JSON.parse(sealed) as [string, string];
    if (bound !== context) throw new Error(`sealed for ${bound}, opened for ${context}`);
    return Promise.resolve(Buffer.from(hex, 'hex'));
  },
};

const node = (name: string, port: number): string => `{ name: ${name}, address: "${name}.example:5000", ready: "${name}.example:8791", database: "${name}.example:${port}" }`;

export const starText = (more = ''): string => `
sites: { m1: { cloud: c, region: R1 }, m2: { cloud: c, region: R2 }, s3: { cloud: c, region: R3 }, s4: { cloud: c, region: R4 } }
secrets: { masterKeyFile: k }
agents: { listen: "h:1" }
identity:
  ${more}
  sites:
    m1: { role: master, bind: "h1:5000", url: "http://m1.example:5000/v3", nodes: [${node('m1-k1', 3306)}] }
    m2: { role: master, bind: "h2:5000", url: "http://m2.example:5000/v3", nodes: [${node('m2-k1', 3306)}] }
    s3: { role: replica, bind: "h3:5000", url: "http://s3.example:5000/v3", nodes: [${node('s3-k1', 3306)}, ${node('s3-k2', 3306)}] }
    s4: { role: replica, bind: "h4:5000", url: "http://s4.example:5000/v3", nodes: [${node('s4-k1', 3306)}, ${node('s4-k2', 3306)}] }
`;

export const starConfig = (more = ''): IdentityConfig => {
  const { identity } = parseConfig(starText(more), '/etc/godwit.yaml');
  if (!identity) throw new Error('no identity');
  return identity;
};

let serial = 0;
export const keyText = (): string => createHash('sha256').update(`key ${++serial}`).digest('base64').replaceAll('+', '-').replaceAll('/', '_');

export function makeWorld(options: { config?: IdentityConfig; deps?: Partial<Deps> } = {}) {
  const clock = new ManualClock();
  const star = createStar(options.config ?? starConfig());
  const store = new MemoryStore();
  const nodes = new FakeNodes(clock.now);
  const logged: string[] = [];
  const made: string[] = [];
  for (const n of star.nodes) {
    const source = star.nodes.find((m) => m.site === n.source);
    nodes.add(new FakeNode(n.name, n.site, n.role === 'master' ? member() : replica({ host: `${source?.name ?? ''}.example`, port: 3306 })));
  }
  const deps: Deps = {
    star, store, nodes, clock, sealer: fakeSealer,
    sites: { names: () => star.sites.map((s) => s.name), get: (name: string) => ({ name, region: name.toUpperCase() }) } as unknown as SiteRegistry,
    createCloud: () => { throw new Error('no Keystone here'); },
    randomKey: () => {
      const key = createHash('sha256').update(`random ${++serial}`).digest();
      made.push(key.toString('base64').replaceAll('+', '-').replaceAll('/', '_'));
      return key;
    },
    log: (level, message, data) => void logged.push(`${level} ${message} ${JSON.stringify(data ?? {})}`),
    ...options.deps,
  };
  /** As Keystone's own tools leave a repository, at every node, and Godwit's books on it. */
  const adopt = async (kinds: readonly KeyKind[] = ['fernet', 'credential'], books: IdentityStore = store): Promise<void> => {
    for (const kind of kinds) {
      const keys = { '0': keyText(), '1': keyText() };
      made.push(...Object.values(keys));
      const records = await Promise.all(Object.entries(keys).map(async ([index, text]) => {
        const id = randomUUID();
        return { index: Number(index), record: { id, kind, sha256: createHash('sha256').update(text).digest('hex'), sealed: await fakeSealer.seal(Buffer.from(text), `identity-key/${kind}/${id}`) } };
      }));
      await books.begin({ kind, generation: 1, phase: 'adopted', jobId: 'adopt', entries: records.map(({ index, record }) => ({ index, id: record.id, sha256: record.sha256 })) }, records.map((r) => r.record), clock.now());
      for (const n of nodes.nodes.values()) {
        n.repositories[kind] = { files: new Map(Object.entries(keys)), generation: 1 };
      }
      await books.prove(kind, 1, clock.now());
    }
    for (const s of star.sites) await books.setMembership(s.name, 'member', 'adopt', clock.now());
  };
  return { clock, star, store, nodes, deps, logged, made, adopt };
}
export type World = ReturnType<typeof makeWorld>;

export class Crash extends Error {}

export interface Journal {
  readonly results: Map<number, { name: string; text: string }>;
  /** Everything that was reported: progress and the errors of tries. */
  readonly said: string[];
}
export const newJournal = (): Journal => ({ results: new Map(), said: [] });

export interface RunOptions {
  readonly jobId?: string;
  readonly clock: ManualClock;
  readonly journal?: Journal;
  /** Called at every boundary; throws Crash to kill the controller there. */
  readonly boundary?: (step: string, where: 'before' | 'after-effect' | 'after-record') => void;
  readonly signal?: AbortSignal;
  /** Tries of a step that waits; then its error ends the run, as if nobody had the patience. */
  readonly patience?: number;
}

interface Coded {
  readonly kind?: string;
}

/**
 * The engine in little: a step's result is journaled as JSON and never redone; errors are retried as their kind says; a crash leaves the
 * journal to the next run. Steps of ctx.all run one after the other.
 */
export async function run<I, O>(definition: WorkflowDefinition<I, O>, input: I, options: RunOptions): Promise<O> {
  const { clock, journal = newJournal(), boundary = () => undefined, jobId = 'job-1', patience = 1_000 } = options;
  let ordinal = 0;
  const undo: (() => Promise<void>)[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const step = async <T>(name: string, work: (s: StepContext) => Promise<T>, more: { compensate?: (r: unknown, s: StepContext) => Promise<void>; attempts?: number } = {}): Promise<T> => {
    const place = ordinal++;
    const recorded = journal.results.get(place);
    const context = (attempt: number): StepContext => ({ jobId, attempt, signal, progress: (p) => void journal.said.push(JSON.stringify(p)), log: (m) => void journal.said.push(m) });
    const { compensate } = more;
    if (compensate) undo.push(() => compensate(recorded === undefined ? undefined : JSON.parse(recorded.text), context(1)));
    if (recorded) {
      if (recorded.name !== name) throw new Error(`replay: ${name} where ${recorded.name} was`);
      return (recorded.text === 'undefined' ? undefined : JSON.parse(recorded.text)) as T;
    }
    boundary(name, 'before');
    let counted = 0;
    for (let attempt = 1, wait = 1_000; ; attempt++, wait = Math.min(wait * 2, 30_000)) {
      try {
        const value = await work(context(attempt));
        boundary(name, 'after-effect');
        const text = value === undefined ? 'undefined' : JSON.stringify(value);
        journal.results.set(place, { name, text });
        boundary(name, 'after-record');
        return (text === 'undefined' ? undefined : JSON.parse(text)) as T;
      } catch (error) {
        if (error instanceof Crash) throw error;
        const kind = (error as Coded).kind ?? 'retryable';
        journal.said.push(JSON.stringify(error) + String(error));
        if (kind === 'terminal' || (kind === 'retryable' && ++counted >= (more.attempts ?? 5)) || attempt >= patience) throw error;
        await clock.sleep(wait);
      }
    }
  };
  const ctx: WorkflowContext = {
    jobId,
    step: (name, work, more) => step(name, work, more),
    all: async (name, items, key, work, more) => {
      const out = [];
      for (const item of items) out.push(await step(`${name}[${key(item)}]`, (s) => work(item, s), more?.compensate ? { compensate: (r, s) => more.compensate?.(r, s, item) ?? Promise.resolve() } : {}));
      return out;
    },
    sleep: async (name, ms) => void (await step(name, () => clock.sleep(ms))),
    now: async (name) => new Date(await step(name, () => Promise.resolve(clock.now().toISOString()))),
  };
  try {
    return await definition.run(ctx, JSON.parse(JSON.stringify(input)) as I);
  } catch (error) {
    if (!(error instanceof Crash)) for (const back of undo.reverse()) await back();
    throw error;
  }
}
