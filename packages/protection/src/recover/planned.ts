import type { Deps } from '../deps.ts';
import type { Finding, Group, MethodName } from '../schemas.ts';

/** A planned move hands the storage over: it needs both sites, and a method that can. */
export function plannedFindings(deps: Deps, group: Group, method: MethodName, from: string): Promise<Finding[]> {
  const base = { site: from, resource: `group ${group.name}` };
  if (method !== 'replication' || group.policy.method !== 'replication') return Promise.resolve([{ ...base, code: 'GW_PLANNED_METHOD', message: `group ${group.name} cannot be moved as planned: only method replication hands its storage over`, action: 'Recover it without --planned (what was written since its recovery point is lost), or change its method and protect it first.' }]);
  if (from !== group.activeSite) return Promise.resolve([{ ...base, code: 'GW_POINT_ELSEWHERE', message: `the recovery point was made at ${from}, and group ${group.name} runs at ${group.activeSite}`, action: 'Protect it where it runs, then move it.' }]);
  if (deps.sites.health(from).state === 'down') return Promise.resolve([{ ...base, code: 'GW_SITE_UNREACHABLE', message: `${from} cannot be reached, so it hands nothing over`, action: 'Recover without --planned.' }]);
  return Promise.resolve([]);
}
