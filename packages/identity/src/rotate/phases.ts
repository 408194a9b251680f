import { GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { skewOf } from '../keys/clock.ts';
import { countedNodes } from '../keys/deliver.ts';
import { primaryOf, promoted, pruned, secondariesOf, staged } from '../keys/generation.ts';
import { newKey } from '../keys/material.ts';
import type { KeyKind } from '../nodes.ts';
import type { Generation, KeyEntry, Phase } from '../store/types.ts';
import { currentKeys } from './check.ts';
import { needed } from './life.ts';

/** Each writes the next set of keys down, once; delivering it is another step. What they answer is journaled: numbers only. */
export interface Ordered {
  readonly generation: number;
}

export async function stage(deps: Deps, kind: KeyKind, from: number, jobId: string): Promise<Ordered> {
  const current = await currentKeys(deps, kind);
  const before = done(current, jobId, 'staged', from);
  if (before) return before;
  const key = await newKey(deps, kind);
  return begin(deps, current, from, 'staged', staged(current, { id: key.id, sha256: key.sha256 }), jobId, [key]);
}

export async function promote(deps: Deps, kind: KeyKind, from: number, jobId: string): Promise<Ordered> {
  const current = await currentKeys(deps, kind);
  const before = done(current, jobId, 'promoted', from);
  if (before) return before;
  // What the whole lock-step is for: nobody signs with a key before everybody has shown that he has it.
  if (current.provenAt === undefined) throw new GodwitError('GW_ROTATION_PASSED', 'terminal', `generation ${from} of the ${kind} keys is not at every node`, { resource: `${kind} keys` });
  return begin(deps, current, from, 'promoted', promoted(current), jobId);
}

export async function prune(deps: Deps, kind: KeyKind, from: number, jobId: string, s: StepContext): Promise<Ordered & { readonly dropped: number }> {
  s.progress({ phase: 'Pruning' });
  const current = await currentKeys(deps, kind);
  if (done(current, jobId, 'pruned', from)) {
    // Not erased yet: that is the last step.
    const kept = new Set(current.entries.map((e) => e.id));
    return { generation: current.generation, dropped: (await deps.store.keys(kind)).filter((k) => k.sealed !== undefined && !kept.has(k.id)).length };
  }
  await clocksInStep(deps);
  const keep = kind === 'fernet' ? needed(deps, await deps.store.keys(kind), deps.clock.now()) : previousPrimary(current);
  const entries = pruned(current, keep);
  const dropped = current.entries.length - entries.length;
  if (dropped === 0) return { generation: current.generation, dropped };
  return { ...(await begin(deps, current, from, 'pruned', entries, jobId)), dropped };
}

/** As Keystone does (MAX_ACTIVE_KEYS = 3): staged, primary, and the one before, which the last backup of the database may need. */
function previousPrimary(set: Generation): (entry: KeyEntry) => boolean {
  const last = Math.max(...secondariesOf(set).map((e) => e.index));
  return (entry) => entry.index === last;
}

/** A clock that is wrong by more than was reckoned with makes tokens live longer than we think. */
async function clocksInStep(deps: Deps): Promise<void> {
  const counted = new Set((await countedNodes(deps)).map((n) => n.name));
  const limit = deps.star.config.clockSkewSeconds * 1000;
  const wrong = (await deps.nodes.list()).filter((n) => counted.has(n.name) && Math.abs(skewOf(n) ?? 0) > limit);
  const [first] = wrong;
  if (!first) return;
  throw new GodwitError('GW_CLOCK_SKEW', 'waiting', `the clock of ${wrong.map((n) => `${n.name} is off by ${((skewOf(n) ?? 0) / 1000).toFixed(1)} s`).join(', of ')}: old keys stay until it is right`, { site: first.site, resource: `node ${first.name}`, action: 'Mend its time synchronization; the rotation goes on by itself.' });
}

const done = (current: Generation, jobId: string, phase: Phase, from: number): Ordered | undefined =>
  current.jobId === jobId && current.phase === phase && current.generation === from + 1 ? { generation: current.generation } : undefined;

async function begin(deps: Deps, current: Generation, from: number, phase: Phase, entries: KeyEntry[], jobId: string, keys: Parameters<Deps['store']['begin']>[1] = []): Promise<Ordered> {
  const { kind } = current;
  const made = current.generation === from ? await deps.store.begin({ kind, generation: from + 1, phase, entries, jobId }, keys, deps.clock.now()) : undefined;
  if (made) {
    deps.log('info', 'keys: the next generation', { kind, generation: made.generation, phase, keys: made.entries.length, primary: primaryOf(made).index });
    return { generation: made.generation };
  }
  throw new GodwitError('GW_ROTATION_PASSED', 'terminal', `another job has changed the ${kind} keys meanwhile`, { resource: `${kind} keys`, action: 'Look at godwit identity status.' });
}
