import type { JobStore } from '@godwit/workflow';
import type { Deps } from './deps.ts';
import { compareShown } from './keys/compare.ts';
import { knownHashes } from './keys/deliver.ts';
import { neededUntil, primaryOf } from './keys/generation.ts';
import { keyKinds, type KeyKind } from './nodes.ts';
import { skewOf } from './keys/clock.ts';
import { tokenLifeSeconds } from './rotate/life.ts';
import type { KeyStatus, Matrix, NodeStatus, StarStatus } from './schemas.ts';
import type { StarNode } from './star.ts';
import type { Condition, Generation } from './store/types.ts';
import { databaseState, look, sourceOf, type View } from './topology/view.ts';
import { lastRotation, rotationDue } from './watch/schedule.ts';

/** Conditions without which the star is not as it should be; the others are for reading. */
const telling = new Set(['Connected', 'TokenKeysInPlace', 'CredentialKeysInPlace', 'ClockInStep', 'DiskSpace', 'PolicyFits', 'DatabaseFit', 'Ready', 'TokenKeysInStep', 'CredentialKeysInStep', 'TokenKeysRotated', 'CredentialKeysRotated', 'OwnSource']);

export async function statusOf(deps: Deps, jobs: Pick<JobStore, 'list'>, probe: Matrix): Promise<StarStatus> {
  const [view, conditions] = await Promise.all([look(deps), deps.store.conditions()]);
  const keys = await Promise.all(keyKinds.map((kind) => keyStatus(deps, jobs, kind)));
  const known = new Map(await Promise.all(keyKinds.map(async (kind) => [kind, { wanted: await deps.store.generation(kind), known: await knownHashes(deps, kind) }] as const)));
  const inStar = (name: string): boolean => ['member', 'joining', 'leaving'].includes(view.memberships.get(name)?.state ?? '');
  const sites = deps.star.sites.map((s) => ({
    name: s.name,
    role: s.role,
    state: view.memberships.get(s.name)?.state ?? ('outside' as const),
    ...(s.region !== undefined && { region: s.region }),
    url: s.url,
    nodes: s.nodes.map((n) => nodeStatus(deps, view, n, known)),
  }));
  const counted = new Set(['star', ...deps.star.sites.filter((s) => inStar(s.name)).flatMap((s) => [`site ${s.name}`, ...s.nodes.map((n) => `node ${n.name}`)])]);
  const bad = (c: Condition): boolean => counted.has(c.scope) && c.status !== 'True' && telling.has(c.type);
  return { ok: !conditions.some(bad) && probed(deps, view, probe) && keys.every((k) => k !== undefined), keys: keys.filter((k) => k !== undefined), sites, conditions, probe };
}

/** Every member's tokens were seen to be good at every member. Before the first round after a start nobody has seen anything. */
function probed(deps: Deps, view: View, { cells }: Matrix): boolean {
  const members = deps.star.sites.filter((s) => view.memberships.get(s.name)?.state === 'member').map((s) => s.name);
  const good = new Set(cells.filter((c) => c.ok).map((c) => `${c.from}\n${c.to}`));
  return cells.every((c) => c.ok) && members.every((from) => members.every((to) => good.has(`${from}\n${to}`)));
}

async function keyStatus(deps: Deps, jobs: Pick<JobStore, 'list'>, kind: KeyKind): Promise<KeyStatus | undefined> {
  const current = await deps.store.generation(kind);
  if (!current) return undefined;
  const records = await deps.store.keys(kind);
  const primary = primaryOf(current).index;
  const [job] = await jobs.list({ labels: { identity: 'rotate', kind }, state: ['queued', 'running', 'cancelling'], limit: 1 });
  const rotated = lastRotation(current, records);
  const due = rotationDue(deps, kind, current, records);
  return {
    kind,
    generation: current.generation,
    phase: current.phase,
    proven: current.provenAt !== undefined,
    keys: [...current.entries].sort((a, b) => b.index - a.index).map((e) => {
      const until = neededUntil(records.find((r) => r.id === e.id), tokenLifeSeconds(deps));
      const role = e.index === primary ? ('primary' as const) : e.index === 0 ? ('staged' as const) : ('secondary' as const);
      return { index: e.index, role, sha256: e.sha256, ...(role === 'secondary' && kind === 'fernet' && until !== Infinity && { neededUntil: new Date(until).toISOString() }) };
    }),
    ...(rotated && { rotatedAt: rotated.toISOString() }),
    ...(due && { nextRotation: due.toISOString() }),
    ...(job && { jobId: job.id }),
  };
}

function nodeStatus(deps: Deps, view: View, node: StarNode, keys: ReadonlyMap<KeyKind, { readonly wanted: Generation | undefined; readonly known: ReadonlySet<string> }>): NodeStatus {
  const state = view.states.get(node.name);
  const report = state?.report;
  const skew = state && skewOf(state);
  const database = report?.database;
  const source = sourceOf(deps, database);
  const address = database?.source && `${database.source.host}:${database.source.port}`;
  return {
    name: node.name,
    site: node.site,
    address: node.address,
    connected: state?.connected ?? false,
    ...(state?.lastSeen !== undefined && { lastSeen: state.lastSeen }),
    ...(report?.ready && state?.connected && { ready: report.ready.ok }),
    reasons: (report?.ready?.reasons ?? []).map((r) => r.message),
    keys: Object.fromEntries([...keys].flatMap(([kind, { wanted, known }]) => {
      const repository = report?.repositories.find((r) => r.kind === kind);
      if (!repository) return [];
      const difference = wanted && compareShown(report, wanted, known);
      return [[kind, { generation: difference?.same === true ? (wanted?.generation ?? 0) : repository.generation, inPlace: difference?.same ?? false, text: difference?.text ?? 'the star has none yet' }]];
    })),
    ...(skew !== undefined && { clockSkewMs: skew }),
    ...(report && { diskFreeBytes: report.diskFreeBytes }),
    ...(database && {
      database: {
        role: database.role,
        ...(database.readOnly !== undefined && { readOnly: database.readOnly }),
        state: state?.connected ? databaseState(database, deps.star.config.lagLimitSeconds) : 'Unknown',
        ...(database.lagSeconds !== undefined && { lagSeconds: database.lagSeconds }),
        ...((database.gtidSlave ?? database.gtidCurrent) !== undefined && { gtid: database.role === 'replica' ? (database.gtidSlave ?? database.gtidCurrent) : database.gtidCurrent }),
        ...(address !== undefined && { source: source?.name ?? address }),
        ...(node.source !== undefined && { wantedSource: node.source }),
        detour: source !== undefined && node.source !== undefined && source.site !== node.source,
        ...((database.diverged ?? database.lastError) !== undefined && { error: database.diverged ?? database.lastError?.message }),
      },
    }),
  };
}
