import { GodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { withCondition } from '../group-sites.ts';
import type { RecoveryResult } from '../schemas.ts';
import type { RecoveryPlan } from './assess.ts';
import type { BootedServer } from './boot.ts';
import type { RecoverInput } from './workflow.ts';

/** The group is active at its new site; from here on that is where it is protected. */
export async function finish(deps: Deps, input: RecoverInput, plan: RecoveryPlan, servers: readonly BootedServer[], fenced: boolean): Promise<RecoveryResult> {
  const { group, epoch, to } = plan;
  const now = deps.clock.now();
  const members = plan.servers.map((record, order) => ({ serverId: servers[order]?.id ?? '', name: record.name, order }));
  const updated = await deps.store.updateGroup(group.id, epoch, ({ progression: _done, ...g }) => ({
    ...g,
    activeSite: to,
    state: 'FailedOver',
    members,
    conditions: withCondition(
      { ...g, conditions: withCondition(g, { type: 'Recovered', status: 'True', reason: 'Booted', message: `active at ${to} with the data of ${plan.frozenAt}` }, now) },
      fenced
        ? { type: 'SourceFenced', status: 'True', reason: 'Stopped', message: `its servers at ${group.activeSite} are stopped and locked` }
        : { type: 'SourceFenced', status: 'False', reason: 'Unreachable', message: `${group.activeSite} cannot be reached; its servers are stopped and locked when it comes back` },
      now,
    ),
  }));
  if (!updated) throw new GodwitError('GW_EPOCH_PASSED', 'terminal', `group ${group.name} was changed by another failover meanwhile`, { resource: `group ${group.name}` });
  const asked = Date.parse(input.requestedAt);
  const up = Math.max(...servers.map((v) => Date.parse(v.bootedAt)), asked);
  return {
    group: group.name,
    point: plan.pointId,
    site: to,
    epoch,
    servers: [...servers],
    rpoSeconds: Math.max(0, (asked - Date.parse(plan.frozenAt)) / 1_000),
    rtoSeconds: (up - asked) / 1_000,
    sourceFenced: fenced,
    alreadyActive: false,
  };
}
