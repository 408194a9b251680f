import { policyFindings } from '../check/settings.ts';
import type { Deps } from '../deps.ts';
import { compareShown } from '../keys/compare.ts';
import { keyKinds, type KeyKind } from '../nodes.ts';
import { skewOf } from '../keys/clock.ts';
import type { Finding } from '../schemas.ts';
import type { StarNode } from '../star.ts';
import type { Condition, Generation } from '../store/types.ts';
import { databaseOf, databaseState, sourceOf, type View } from '../topology/view.ts';

type Said = Omit<Condition, 'since'>;
type Keys = ReadonlyMap<KeyKind, { readonly wanted: Generation | undefined; readonly known: ReadonlySet<string> }>;

/** A node with less is about to fail the next order of keys. */
const diskLimitBytes = 1024 * 1024;

/** What a person should know of a node: whether each thing is as it must be, and if not, why. */
export function nodeConditions(deps: Pick<Deps, 'star'>, view: View, node: StarNode, keys: Keys): Said[] {
  const scope = `node ${node.name}`;
  const say = (type: string, ok: boolean | undefined, reason: string, message: string): Said => ({ scope, type, status: ok === undefined ? 'Unknown' : ok ? 'True' : 'False', reason, message });
  const state = view.states.get(node.name);
  if (!state) return [say('Connected', false, 'NotEnrolled', 'its agent was never enrolled')];
  if (!state.connected || !state.report) return [say('Connected', false, 'AgentAway', `its agent is not connected${state.lastSeen === undefined ? '' : `, last seen ${state.lastSeen}`}`)];
  const { report } = state;
  const said = [say('Connected', true, 'Connected', `agent ${report.agentVersion}`)];
  for (const kind of keyKinds) {
    const { wanted, known } = keys.get(kind) ?? { wanted: undefined, known: new Set<string>() };
    if (!wanted) continue;
    const difference = compareShown(report, wanted, known);
    const type = kind === 'fernet' ? 'TokenKeysInPlace' : 'CredentialKeysInPlace';
    said.push(say(type, difference.same, difference.same ? 'AsOrdered' : difference.mayHaveSigned ? 'ForeignKey' : difference.foreign.length > 0 ? 'ForeignStagedKey' : 'Behind', difference.same ? `generation ${wanted.generation}` : difference.text));
  }
  const skew = skewOf(state) ?? 0;
  const limit = deps.star.config.clockSkewSeconds;
  const inStep = Math.abs(skew) <= limit * 1000;
  // Its message stays the same while it is well: a condition that changes is written down.
  said.push(say('ClockInStep', inStep, inStep ? 'InStep' : 'Skewed', inStep ? `within ${limit} s of the controller’s` : `${(skew / 1000).toFixed(0)} s from the controller’s`));
  if (report.diskFreeBytes < diskLimitBytes) said.push(say('DiskSpace', false, 'DiskFull', `${report.diskFreeBytes} bytes are left where the keys lie`));
  const policy = policyFindings(deps, node.name, node.site, report.keystone);
  if (report.keystone) said.push(say('PolicyFits', policy.length === 0, policy.length === 0 ? 'AsDeclared' : 'Differs', policy.length === 0 ? 'its keystone.conf is as godwit.yaml has it' : policy.map((f) => f.message).join('; ')));
  const { database } = report;
  const word = databaseState(database, deps.star.config.lagLimitSeconds);
  const good = word === 'Synced' || word === 'Following';
  const source = sourceOf(deps, database);
  const following = source === undefined ? '' : `, fed by ${source.name}`;
  said.push(say('DatabaseFit', word === 'Unknown' ? undefined : good, word, database.diverged ?? (database.lastError ? `${database.lastError.message} (${database.lastError.number})` : undefined) ?? (database.problems[0]?.message ?? `${database.role}${following}${good || database.lagSeconds === undefined ? '' : `, ${database.lagSeconds} s behind`}`)));
  if (report.ready) said.push(say('Ready', report.ready.ok, report.ready.ok ? 'Ready' : (report.held === undefined ? 'NotFit' : 'HeldOut'), report.ready.ok ? 'takes requests' : report.ready.reasons.map((r) => r.message).join('; ')));
  return said;
}

/** Of a replica that does not follow where it should. Where its own source's site has left the star for good, there is nowhere else it should. */
export function detourCondition(deps: Pick<Deps, 'star'>, view: View, node: StarNode): Said | undefined {
  if (node.role !== 'replica') return undefined;
  const source = sourceOf(deps, databaseOf(view, node.name));
  if (source === undefined || source.site === node.source) return undefined;
  if (!['member', 'joining', 'leaving'].includes(view.memberships.get(node.source ?? '')?.state ?? '')) return undefined;
  return { scope: `node ${node.name}`, type: 'OwnSource', status: 'False', reason: 'Detour', message: `fed by ${source.name}; its own source is at ${node.source ?? ''}` };
}

export function keyConditions(kind: KeyKind, wanted: Generation | undefined): Said {
  const base = { scope: 'star', type: kind === 'fernet' ? 'TokenKeysInStep' : 'CredentialKeysInStep' };
  if (!wanted) return { ...base, status: 'False', reason: 'NotAdopted', message: 'the star has none yet: godwit identity adopt' };
  if (wanted.provenAt !== undefined) return { ...base, status: 'True', reason: 'Proven', message: `generation ${wanted.generation} (${wanted.phase}) is at every node` };
  return { ...base, status: 'False', reason: 'Delivering', message: `generation ${wanted.generation} (${wanted.phase}) is not at every node yet` };
}

/** Said only of a rotation that is due and would be refused: it is begun by itself when what keeps it is mended. */
export function refusedRotation(kind: KeyKind, due: Date, findings: readonly Finding[]): Said {
  const [first] = findings;
  const type = kind === 'fernet' ? 'TokenKeysRotated' : 'CredentialKeysRotated';
  return { scope: 'star', type, status: 'False', reason: first?.code ?? '', message: `due since ${due.toISOString()}: ${findings.map((f) => f.message).slice(0, 5).join('; ')}` };
}
