import { GodwitError, toGodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { KeyKind, NodeState } from '../nodes.ts';
import type { StarNode } from '../star.ts';
import type { Generation } from '../store/types.ts';
import { clockOutliers, skewOf } from './clock.ts';
import { compare } from './compare.ts';
import { orderOf } from './material.ts';

/**
 * At most so many nodes are sent keys at once. Each takes a second or two over it without doing anything (it lets its Keystone finish reading the
 * directory), so fewer at a time make a rotation longer and spare nobody.
 */
const sideBySide = 1_024;
const pollMs = 1_000;
/** A try ends after this, so that the job shows what it waits for; the next one begins at once. */
const patienceMs = 60_000;

export interface Behind {
  readonly node: string;
  readonly site: string;
  readonly code: string;
  readonly message: string;
}

export interface Delivered {
  readonly generation: number;
  readonly nodes: number;
}

/** Nodes that must have every key: of all sites that are in the star or on their way into it. */
export async function countedNodes(deps: Pick<Deps, 'star' | 'store'>): Promise<StarNode[]> {
  const counted = new Set((await deps.store.memberships()).filter((m) => m.state !== 'left').map((m) => m.site));
  return deps.star.nodes.filter((n) => counted.has(n.site));
}

/**
 * Brings a generation to every node of the star, and returns when each has shown by hash, read back from its disk, that it has it. A node
 * that is away is waited for, as long as it takes: until it has the key it must neither be left behind by a promotion nor sign with what the
 * others drop. Who belongs to the star is looked up anew each time, so a site that leaves no longer holds it up.
 */
export async function deliver(deps: Deps, kind: KeyKind, generation: number, phase: string, s: StepContext): Promise<Delivered> {
  const until = deps.clock.now().getTime() + patienceMs;
  const proven = new Set<string>();
  for (;;) {
    s.signal.throwIfAborted();
    const wanted = await stillCurrent(deps, kind, generation);
    const nodes = await countedNodes(deps);
    const behind = await bring(deps, wanted, nodes.filter((n) => !proven.has(n.name)), (node) => {
      proven.add(node);
      s.progress({ phase, done: proven.size, total: nodes.length, message: `${kind} keys, generation ${generation}` });
    }, s.signal);
    if (behind.length === 0) {
      await deps.store.prove(kind, generation, deps.clock.now(), await latestClock(deps));
      return { generation, nodes: nodes.length };
    }
    s.progress({ phase, done: nodes.length - behind.length, total: nodes.length, message: `waits for ${behind.map((b) => `${b.node} (${b.message})`).slice(0, 5).join(', ')}${behind.length > 5 ? ` and ${behind.length - 5} more` : ''}` });
    if (s.attempt === 1 || deps.clock.now().getTime() >= until) throw held(kind, phase, behind);
    await deps.clock.sleep(pollMs, s.signal);
  }
}

/**
 * Until when a key may have signed, by the clock of whoever signed: a node's may be ahead of ours, and the life of its tokens is judged by such
 * clocks. One that is off from all others is not asked: it is held out, and a year too many would keep keys for a year.
 */
export async function latestClock(deps: Pick<Deps, 'star' | 'store' | 'nodes' | 'clock'>): Promise<Date> {
  const counted = new Set((await countedNodes(deps)).map((n) => n.name));
  const skews = new Map((await deps.nodes.list()).flatMap((n): [string, number][] => {
    const skew = counted.has(n.name) && n.connected ? skewOf(n) : undefined;
    return skew === undefined ? [] : [[n.name, skew]];
  }));
  const out = clockOutliers(skews, deps.star.config.clockSkewSeconds * 1000);
  return new Date(deps.clock.now().getTime() + Math.max(0, ...[...skews].filter(([name]) => !out.has(name)).map(([, skew]) => skew)));
}

export function held(kind: KeyKind, phase: string, behind: readonly Behind[]): GodwitError {
  const [first] = behind;
  const sites = new Set(behind.map((b) => b.site));
  return new GodwitError('GW_ROTATION_HELD', 'waiting', `${phase}: ${behind.length === 1 ? '' : `${behind.length} nodes, first `}${first?.node ?? ''}: ${first?.message ?? ''}`, {
    ...(sites.size === 1 && first && { site: first.site }),
    resource: `${kind} keys`,
    action: 'It goes on by itself when they are back. One that is lost for good: take it out of godwit.yaml, or its site out of the star (godwit identity leave SITE --lost).',
    details: { phase, behind: behind.slice(0, 50) },
  });
}

async function stillCurrent(deps: Deps, kind: KeyKind, generation: number): Promise<Generation> {
  const current = await deps.store.generation(kind);
  if (current?.generation === generation) return current;
  throw new GodwitError('GW_ROTATION_PASSED', 'terminal', `generation ${generation} of the ${kind} keys is out of date: there is ${current?.generation ?? 'none'}`, { resource: `${kind} keys`, action: 'Nothing: another job has gone on from there.' });
}

/**
 * One round over these nodes, side by side; answers which do not have the generation afterwards, and why.
 * @param options.replace keys that were never the star's go too: for nodes that do not serve yet, and where a person said so
 */
export async function bring(deps: Deps, wanted: Generation, nodes: readonly StarNode[], onProven: (node: string) => void, signal: AbortSignal, options: { readonly replace?: boolean } = {}): Promise<Behind[]> {
  if (nodes.length === 0) return [];
  const { keys, drop } = await orderOf(deps, wanted);
  const states = new Map((await deps.nodes.list()).map((n) => [n.name, n]));
  const known = await knownHashes(deps, wanted.kind);
  const behind: Behind[] = [];
  const one = async (node: StarNode): Promise<void> => {
    const refused = whyNot(states.get(node.name), wanted, known, options.replace === true);
    if (refused) {
      behind.push({ node: node.name, site: node.site, ...refused });
      return;
    }
    try {
      const foreign = foreignAt(states.get(node.name), wanted, known);
      const report = await deps.nodes.applyKeys(node.name, { kind: wanted.kind, generation: wanted.generation, keys, drop: [...drop, ...foreign] }, signal);
      const difference = compare(report, wanted, known);
      if (difference.same) onProven(node.name);
      else behind.push({ node: node.name, site: node.site, code: 'GW_KEYS_DIFFER', message: difference.text });
    } catch (error) {
      signal.throwIfAborted();
      const e = toGodwitError(error);
      behind.push({ node: node.name, site: node.site, code: e.code, message: e.message });
    }
  };
  const queue = [...nodes];
  await Promise.all(Array.from({ length: Math.min(sideBySide, queue.length) }, async () => {
    for (let node = queue.shift(); node; node = queue.shift()) await one(node);
  }));
  return behind.sort((a, b) => a.node.localeCompare(b.node));
}

function whyNot(state: NodeState | undefined, wanted: Generation, known: ReadonlySet<string>, replace: boolean): Pick<Behind, 'code' | 'message'> | undefined {
  if (state === undefined) return { code: 'GW_NODE_NOT_ENROLLED', message: 'its agent was never enrolled' };
  if (!state.connected) return { code: 'GW_NODE_AWAY', message: `its agent is not connected${state.lastSeen === undefined ? '' : `, last seen ${state.lastSeen}`}` };
  const report = reportOf(state, wanted);
  if (!replace && report && compare(report, wanted, known).mayHaveSigned) return { code: 'GW_KEY_FOREIGN', message: compare(report, wanted, known).text };
  return undefined;
}

const reportOf = (state: NodeState | undefined, wanted: Generation) => state?.report?.repositories.find((r) => r.kind === wanted.kind);

/** What may go although it was never ours: a staged key has not signed anything; of the others whyNot() has decided. */
function foreignAt(state: NodeState | undefined, wanted: Generation, known: ReadonlySet<string>): string[] {
  return (reportOf(state, wanted)?.keys ?? []).filter((k) => !known.has(k.sha256)).map((k) => k.sha256);
}

export async function knownHashes(deps: Pick<Deps, 'store'>, kind: KeyKind): Promise<Set<string>> {
  return new Set((await deps.store.keys(kind)).map((k) => k.sha256));
}
