import { GodwitError } from '@godwit/sites';
import { lifeFindings } from '../check/settings.ts';
import type { Deps } from '../deps.ts';
import { skewOf } from '../keys/clock.ts';
import { compare } from '../keys/compare.ts';
import { countedNodes, knownHashes } from '../keys/deliver.ts';
import type { KeyKind } from '../nodes.ts';
import type { Finding } from '../schemas.ts';
import type { Generation } from '../store/types.ts';
import { roomAt } from './life.ts';

/** The star's keys of a kind, or GW_KEYS_NOT_ADOPTED. */
export async function currentKeys(deps: Pick<Deps, 'store'>, kind: KeyKind): Promise<Generation> {
  const current = await deps.store.generation(kind);
  if (current) return current;
  throw new GodwitError('GW_KEYS_NOT_ADOPTED', 'terminal', `the star has no ${kind} keys yet`, { resource: `${kind} keys`, action: 'Take over those of the Keystone that there is: godwit identity adopt.' });
}

export interface RotationCheck {
  readonly current: Generation;
  readonly findings: readonly Finding[];
  readonly away: readonly string[];
}

/** What would make a rotation wrong, seen before anything is changed. Nodes that are away are no reason: it waits for them where that is safe. */
export async function checkRotation(deps: Deps, kind: KeyKind): Promise<RotationCheck> {
  const current = await currentKeys(deps, kind);
  const nodes = await countedNodes(deps);
  const states = new Map((await deps.nodes.list()).map((n) => [n.name, n]));
  const known = await knownHashes(deps, kind);
  const findings: Finding[] = [];
  const away: string[] = [];
  for (const node of nodes) {
    const state = states.get(node.name);
    if (!state?.connected) {
      away.push(node.name);
      continue;
    }
    const difference = compare(state.report?.repositories.find((r) => r.kind === kind), current, known);
    if (difference.mayHaveSigned) findings.push({ code: 'GW_KEY_FOREIGN', site: node.site, resource: `node ${node.name}`, message: `${node.name}: ${difference.text}`, action: `Find out who put it there; tokens that it signed are refused when you put the star’s keys back: godwit identity restore ${node.name}.` });
    const skew = skewOf(state);
    if (skew !== undefined && Math.abs(skew) > deps.star.config.clockSkewSeconds * 1000) findings.push({ code: 'GW_CLOCK_SKEW', site: node.site, resource: `node ${node.name}`, message: `the clock of ${node.name} is ${(skew / 1000).toFixed(1)} s ${skew > 0 ? 'ahead' : 'behind'}`, action: 'Mend its time synchronization; the life of tokens is judged by each node’s own clock.' });
    if (kind === 'fernet') findings.push(...lifeFindings(deps, node.name, node.site, state.report?.keystone));
  }
  if (kind === 'fernet') {
    const room = roomAt(deps, current, await deps.store.keys(kind), deps.clock.now());
    const max = deps.star.config.fernet.maxActiveKeys;
    if (room.after > max) findings.push({ code: 'GW_KEY_LIMIT', resource: 'fernet keys', message: `a rotation now would leave ${room.after} keys, and maxActiveKeys is ${max}: living tokens need the others`, action: `${room.at === undefined ? 'Finish the rotation that is under way first' : `There is room at ${room.at.toISOString()}`}; or raise maxActiveKeys.` });
  }
  return { current, findings, away };
}
