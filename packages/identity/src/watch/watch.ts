import type { JobStore } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { bring, countedNodes, knownHashes, latestClock } from '../keys/deliver.ts';
import { compareShown } from '../keys/compare.ts';
import { keyKinds, type KeyKind } from '../nodes.ts';
import { checkRotation } from '../rotate/check.ts';
import type { Condition, Generation } from '../store/types.ts';
import { needOf, type Need } from '../topology/choose.ts';
import { look, type View } from '../topology/view.ts';
import { ClockGuard } from './clocks.ts';
import { detourCondition, keyConditions, nodeConditions, refusedRotation } from './conditions.ts';
import { rotationDue } from './schedule.ts';

export interface WatchActions {
  readonly jobs: Pick<JobStore, 'list'>;
  rotate(kind: KeyKind, from: number): Promise<unknown>;
  repoint(node: string, seed: boolean): Promise<unknown>;
}

const everyMs = 2_000;
/** So long a round may keep the next one waiting. */
const patienceMs = 10_000;
/** A replica is not rebuilt again before this: what breaks it at once would else go round in a circle. */
const seedPauseMs = 15 * 60_000;

/**
 * A plain loop, not journaled: sees how the star is, says so as conditions, brings nodes that fell behind what they must have, and begins
 * the jobs whose time has come. With several controllers each does it; jobs have keys of their own, so the same is not done twice.
 */
export class Watch {
  readonly #deps: Deps;
  readonly #actions: WatchActions;
  readonly #clocks: ClockGuard;
  readonly #stop = new AbortController();
  readonly #needs = new Map<string, { readonly what: Need['what']; readonly since: number }>();
  readonly #seeded = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<void>>();
  #running: Promise<void> = Promise.resolve();

  constructor(deps: Deps, actions: WatchActions) {
    this.#deps = deps;
    this.#actions = actions;
    this.#clocks = new ClockGuard(deps);
  }

  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the controller stops'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const rounds = new Set<Promise<void>>();
    while (!this.#stop.signal.aborted) {
      // One that waits for a node that hangs does not keep the next from looking.
      const round = this.#attend('look', () => this.round(this.#stop.signal)).finally(() => rounds.delete(round));
      rounds.add(round);
      await Promise.race([round, clock.sleep(patienceMs, this.#stop.signal).catch(() => undefined)]);
      await clock.sleep(everyMs, this.#stop.signal).catch(() => undefined);
    }
    await Promise.all(rounds);
  }

  /** One that fails keeps no other from being done; one that is still under way is not begun again. */
  async #duty(name: string, work: () => Promise<unknown>): Promise<void> {
    if (this.#underWay.has(name)) return;
    const done = this.#attend(name, work).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, done);
    await done;
  }

  async #attend(name: string, work: () => Promise<unknown>): Promise<void> {
    await Promise.resolve().then(work).catch((e: unknown) => {
      if (!this.#stop.signal.aborted) this.#deps.log('warn', 'the watch over the star could not do one of its duties', { duty: name, error: String(e) });
    });
  }

  async round(signal: AbortSignal): Promise<void> {
    const deps = this.#deps;
    const view = await look(deps);
    const keys = new Map(await Promise.all(keyKinds.map(async (kind) => [kind, { wanted: await deps.store.generation(kind), known: await knownHashes(deps, kind) }] as const)));
    const said: Omit<Condition, 'since'>[] = [];
    for (const node of deps.star.nodes) {
      said.push(...nodeConditions(deps, view, node, keys));
      const detour = detourCondition(deps, view, node);
      if (detour) said.push(detour);
    }
    for (const [kind, { wanted }] of keys) said.push(keyConditions(kind, wanted));
    const due = await this.#rotationsDue(keys, said);
    await deps.store.putConditions(['star', ...deps.star.nodes.map((n) => `node ${n.name}`)], said, deps.clock.now());
    signal.throwIfAborted();
    await Promise.all([
      ...deps.star.nodes.filter((n) => n.role === 'replica' && ['member', 'joining'].includes(view.memberships.get(n.site)?.state ?? '')).map((node) => this.#duty(`source of ${node.name}`, () => this.#mend(view, needOf(deps, view, node), node.name))),
      ...[...keys].map(([kind, { wanted, known }]) => this.#duty(`${kind} keys`, async () => wanted && this.#bringBack(view, wanted, known, signal))),
      ...due.map(({ kind, generation }) => this.#duty(`rotation of ${kind} keys`, () => this.#actions.rotate(kind, generation))),
      this.#duty('clocks', () => this.#clocks.round(view, signal)),
      this.#duty('sites that have left', () => this.#holdOut(view, signal)),
    ]);
  }

  /** A site that was lost when it left, and comes back, is told: until then it would serve with keys that end. */
  async #holdOut(view: View, signal: AbortSignal): Promise<void> {
    const deps = this.#deps;
    for (const node of deps.star.nodes.filter((n) => view.memberships.get(n.site)?.state === 'left')) {
      const state = view.states.get(node.name);
      if (state?.connected && state.report?.held === undefined) await deps.nodes.hold(node.name, 'its site has left the star', signal).catch((e: unknown) => deps.log('warn', 'a node could not be told that it is out', { node: node.name, error: String(e) }));
    }
  }

  /** Nodes that are heard and do not have what they must: they were away, lost a file, or somebody edited the repository. */
  async #bringBack(view: View, wanted: Generation, known: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const deps = this.#deps;
    const nodes = await countedNodes(deps);
    const differ = nodes.filter((n) => {
      const state = view.states.get(n.name);
      if (!state?.connected) return false;
      const difference = compareShown(state.report, wanted, known);
      return !difference.same && !difference.mayHaveSigned;
    });
    const brought: string[] = [];
    const behind = await bring(deps, wanted, differ, (name) => brought.push(name), signal);
    if (brought.length > 0) deps.log('info', 'keys brought to nodes that lacked them', { kind: wanted.kind, generation: wanted.generation, nodes: brought });
    // A rotation that was cancelled on its way has nobody who waits for the last node: then it is us.
    const notHeard = nodes.filter((n) => view.states.get(n.name)?.connected !== true);
    const foreign = nodes.filter((n) => compareShown(view.states.get(n.name)?.report, wanted, known).mayHaveSigned);
    if (wanted.provenAt === undefined && nodes.length > 0 && behind.length + notHeard.length + foreign.length === 0 && (await deps.store.generation(wanted.kind))?.generation === wanted.generation) {
      await deps.store.prove(wanted.kind, wanted.generation, deps.clock.now(), await latestClock(deps));
    }
  }

  /** Those whose time has come. One that would be refused is said, and not begun: a job that fails would be made at each look. */
  async #rotationsDue(keys: ReadonlyMap<KeyKind, { readonly wanted: Generation | undefined }>, said: Omit<Condition, 'since'>[]): Promise<{ readonly kind: KeyKind; readonly generation: number }[]> {
    const deps = this.#deps;
    const begin: { kind: KeyKind; generation: number }[] = [];
    for (const [kind, { wanted }] of keys) {
      const due = wanted && rotationDue(deps, kind, wanted, await deps.store.keys(kind));
      if (due === undefined || due.getTime() > deps.clock.now().getTime()) continue;
      const active = await this.#actions.jobs.list({ labels: { identity: 'rotate', kind }, state: ['queued', 'running', 'cancelling'], limit: 1 });
      if (active.length > 0) continue;
      const { current, findings } = await checkRotation(deps, kind);
      if (findings.length > 0) said.push(refusedRotation(kind, due, findings));
      else begin.push({ kind, generation: current.generation });
    }
    return begin;
  }

  async #mend(view: View, need: Need | undefined, name: string): Promise<void> {
    const now = view.at.getTime();
    if (!need) {
      this.#needs.delete(name);
      return;
    }
    const before = this.#needs.get(name);
    const since = before?.what === need.what ? before.since : now;
    this.#needs.set(name, { what: need.what, since });
    const { repointAfterSeconds, returnAfterSeconds } = this.#deps.star.config;
    const after = (need.what === 'return' ? returnAfterSeconds : repointAfterSeconds) * 1000;
    if (now - since < after) return;
    if (need.what === 'seed' && now - (this.#seeded.get(name) ?? -Infinity) < seedPauseMs) return;
    const active = await this.#actions.jobs.list({ labels: { identity: 'repoint', node: name }, state: ['queued', 'running', 'cancelling'], limit: 1 });
    if (active.length > 0) return;
    this.#deps.log('warn', 'a replica gets another source', { node: name, what: need.what, why: need.why });
    await this.#actions.repoint(name, need.what === 'seed');
    if (need.what === 'seed') this.#seeded.set(name, now);
    this.#needs.delete(name);
  }
}
