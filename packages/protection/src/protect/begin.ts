import { GodwitError } from '@godwit/sites';
import { withCondition } from '../group-sites.ts';
import { methodOf } from '../methods/index.ts';
import type { Group, RecoveryPoint } from '../schemas.ts';
import type { Prepared } from './prepare.ts';
import type { ProtectDeps, ProtectInput } from './workflow.ts';

/** The point is in the catalogue as Pending from here on: whatever happens, it can be seen what became of it. */
export async function beginPoint(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, jobId: string): Promise<void> {
  const { group } = prepared;
  const point: RecoveryPoint = {
    id: input.pointId,
    groupId: group.id,
    groupName: group.name,
    epoch: group.epoch,
    sequence: prepared.sequence,
    state: 'Pending',
    method: group.policy.method,
    consistency: methodOf(group.policy).consistency(prepared.servers),
    sourceSite: prepared.source,
    recoverySite: prepared.target,
    incremental: prepared.incremental,
    createdAt: prepared.createdAt,
    volumes: [],
    jobId,
  };
  const updated = await deps.store.updateGroup(group.id, group.epoch, (g) => ({ ...g, state: g.state === 'New' ? 'Protecting' : g.state, progression: 'Protecting' }));
  if (!updated) throw epochPassed(group);
  await deps.store.putPoint(point);
}

/** Never half good: a point that did not get to its end is Failed, and says so. */
export async function failPoint(deps: ProtectDeps, input: ProtectInput, prepared: Prepared): Promise<void> {
  const { group } = prepared;
  const point = await deps.store.point(input.pointId);
  if (point?.state === 'Available') return;
  if (point) await deps.store.putPoint({ ...point, state: 'Failed', error: point.error ?? { code: 'GW_PROTECT_FAILED', message: `see job ${point.jobId ?? ''}` } });
  const now = deps.clock.now();
  const sound = (await deps.store.points(group.id)).some((p) => p.state === 'Available');
  // Under the epoch that began it: a group that went elsewhere meanwhile is left alone.
  await deps.store.updateGroup(group.id, group.epoch, ({ progression: _done, ...g }) => ({
    ...g,
    state: g.state === 'FailedOver' ? g.state : sound ? 'Degraded' : 'New',
    conditions: withCondition(g, { type: 'Protected', status: 'False', reason: 'LastProtectFailed', message: `recovery point ${prepared.sequence} failed; see job ${point?.jobId ?? ''}` }, now),
  }));
}

export const epochPassed = (group: Group): GodwitError =>
  new GodwitError('GW_EPOCH_PASSED', 'terminal', `group ${group.name} was failed over while it was protected`, { resource: `group ${group.name}`, action: 'Protect it where it runs now.' });
