import { withCondition } from '../group-sites.ts';
import type { RecoveryPoint } from '../schemas.ts';
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
    consistency: 'application',
    sourceSite: prepared.source,
    recoverySite: prepared.target,
    incremental: prepared.incremental,
    createdAt: prepared.createdAt,
    volumes: [],
    jobId,
  };
  await deps.store.putPoint(point);
  await deps.store.updateGroup(group.id, group.epoch, (g) => ({ ...g, state: g.state === 'New' ? 'Protecting' : g.state, progression: 'Protecting' }));
}

/** Never half good: a point that did not get to its end is Failed, and says so. */
export async function failPoint(deps: ProtectDeps, input: ProtectInput): Promise<void> {
  const point = await deps.store.point(input.pointId);
  const group = await deps.store.group(input.groupId);
  if (!point || point.state === 'Available') return;
  await deps.store.putPoint({ ...point, state: 'Failed', error: point.error ?? { code: 'GW_PROTECT_FAILED', message: `see job ${point.jobId ?? ''}` } });
  if (!group) return;
  const now = deps.clock.now();
  const sound = (await deps.store.points(group.id)).some((p) => p.state === 'Available');
  await deps.store.updateGroup(group.id, group.epoch, ({ progression: _done, ...g }) => ({
    ...g,
    state: g.state === 'FailedOver' ? g.state : sound ? 'Degraded' : 'New',
    conditions: withCondition(g, { type: 'Protected', status: 'False', reason: 'LastProtectFailed', message: `recovery point ${point.sequence} failed; see job ${point.jobId ?? ''}` }, now),
  }));
}
