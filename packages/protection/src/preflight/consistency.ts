import type { ServerRecord } from '../inventory/types.ts';
import { methodOf } from '../methods/index.ts';
import type { Finding, Group, Policy } from '../schemas.ts';

/** A policy that demands one moment of all members is not kept quietly by less. */
export function consistencyFindings(group: Pick<Group, 'name' | 'activeSite' | 'policy'>, servers: readonly ServerRecord[]): Finding[] {
  if (group.policy.groupConsistent !== true) return [];
  const reached = methodOf(group.policy).consistency(servers);
  // Of a single member its own moment is the group's.
  if (reached === 'application' || (reached === 'server' && servers.length === 1)) return [];
  return [inconsistent(group.name, group.policy, group.activeSite)];
}

/** What can be told without looking at the members. */
export const cannotBeConsistent = (policy: Policy, members: number): boolean => policy.groupConsistent === true && methodOf(policy).moment === 'server' && members > 1;

export const inconsistent = (group: string, policy: Policy, site?: string): Finding & { action: string } => ({
  code: 'GW_METHOD_INCONSISTENT',
  ...(site === undefined ? {} : { site }),
  resource: `group ${group}`,
  message: `group ${group} demands recovery points of one moment over all members, which method ${policy.method} does not give`,
  action: 'Use method group-snapshot, or take the demand out of the policy (godwit group set GROUP --no-group-consistent).',
});
