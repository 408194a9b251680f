import type { DatabaseReport, RepositoryReport } from '../protocol/keystone.ts';
import type { Problem } from '../protocol/values.ts';

/** A stray file does no harm, and a mode or an owner only to secrecy: they are told, but nobody is turned away for them. */
const harmless: ReadonlySet<string> = new Set(['GW_AGENT_REPO_STRAY', 'GW_AGENT_REPO_OWNER']);

export interface ReadinessInput {
  readonly repositories: readonly RepositoryReport[];
  readonly database: DatabaseReport;
  /** Whether a database is watched at all. */
  readonly watched: boolean;
  readonly maxLagSeconds: number;
  readonly held: string | null;
  /** Age of what is judged here. */
  readonly ageMs: number;
}

/** Why this node should get no requests; empty: it may serve. */
export function unready({ repositories, database, watched, maxLagSeconds, held, ageMs }: ReadinessInput): Problem[] {
  const reasons: Problem[] = [];
  const say = (code: string, message: string): void => void reasons.push({ code, message });
  if (held !== null) say('GW_AGENT_HELD', held);
  if (ageMs > 15_000) say('GW_AGENT_STALE', `this was last looked at ${Math.round(ageMs / 1_000)} s ago`);
  for (const { kind, generation, problems } of repositories) {
    if (generation === 0) say('GW_AGENT_REPO_UNORDERED', `no order of ${kind} keys has come to this node yet`);
    for (const p of problems) if (!harmless.has(p.code)) say(p.code, `${kind}: ${p.message}`);
  }
  if (watched) reasons.push(...unfit(database, maxLagSeconds));
  return reasons.slice(0, 50);
}

function unfit(db: DatabaseReport, maxLagSeconds: number): Problem[] {
  if (db.role === 'none') return db.problems.length > 0 ? [...db.problems] : [{ code: 'GW_AGENT_DATABASE_AWAY', message: 'the database does not answer' }];
  const reasons: Problem[] = [];
  const say = (code: string, message: string): void => void reasons.push({ code, message });
  if (db.diverged !== undefined) say('GW_AGENT_DIVERGED', db.diverged);
  if (db.cluster && (db.cluster.status !== 'Primary' || !db.cluster.ready)) say('GW_AGENT_CLUSTER', `this member is ${db.cluster.status}, ${db.cluster.state}: the cluster does not take it for a part of itself`);
  if (db.role === 'replica') {
    // A replica whose source is gone still has what it had: it serves while that is recent, and says no more than it knows of its lag.
    if (db.sqlRunning === false) say('GW_AGENT_REPLICATION', `the replica applies nothing${db.lastError ? `: ${db.lastError.number} ${db.lastError.message}` : ''}`);
    if (db.lagSeconds !== undefined && db.lagSeconds > maxLagSeconds) say('GW_AGENT_LAG', `the replica is ${Math.round(db.lagSeconds)} s behind (limit ${maxLagSeconds} s)`);
  }
  return reasons;
}
