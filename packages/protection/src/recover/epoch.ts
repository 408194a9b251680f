import { GodwitError, projectKey } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { withCondition } from '../group-sites.ts';
import type { RecoveryPlan } from './assess.ts';

/**
 * From here on only this recovery may change the group. What is to be stopped at the old site is written down first: whatever
 * happens to us, it will be stopped when that site can be reached.
 */
export async function beginFailover(deps: Deps, plan: RecoveryPlan): Promise<void> {
  const { group, epoch } = plan;
  const now = await deps.store.group(group.id);
  if (now?.epoch === epoch && now.state === 'FailingOver') return; // run again after a crash
  await deps.store.putFence({ groupId: group.id, epoch, site: group.activeSite, project: projectKey(group.project), servers: group.members.map((m) => m.serverId) });
  const updated = await deps.store.updateGroup(group.id, group.epoch, (g) => ({ ...g, epoch, state: 'FailingOver', progression: 'Fencing' }));
  if (!updated) {
    throw new GodwitError('GW_EPOCH_PASSED', 'terminal', `group ${group.name} was changed by another failover meanwhile`, { resource: `group ${group.name}`, action: 'Look at it, then decide again: godwit group show.' });
  }
}

/** Undoes something of a recovery, unless that recovery has made the group active at its new site. */
export async function unlessFinished(deps: Deps, plan: RecoveryPlan, undo: () => Promise<void>): Promise<void> {
  const now = await deps.store.group(plan.group.id);
  if (now?.epoch === plan.epoch && now.activeSite === plan.to) return;
  await undo();
}

/** Undo: the group stays where it was, under the new epoch; what was made at the other site has been deleted by then. */
export async function abortFailover(deps: Deps, plan: RecoveryPlan): Promise<void> {
  const { group, epoch } = plan;
  const now = deps.clock.now();
  await deps.store.fenced({ groupId: group.id, epoch, site: group.activeSite }, now);
  await deps.store.updateGroup(group.id, epoch, ({ progression: _p, ...g }) => ({
    ...g,
    state: 'Degraded',
    conditions: withCondition(g, { type: 'Recovered', status: 'False', reason: 'RecoveryFailed', message: `the recovery to ${plan.to} failed; nothing of it is left there` }, now),
  }));
}
