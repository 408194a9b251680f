import type { Group } from './schemas.ts';

/** Where a group is protected to now: the other one of its two sites. */
export const peerSite = (group: Pick<Group, 'site' | 'recoverySite' | 'activeSite'>): string => (group.activeSite === group.site ? group.recoverySite : group.site);

/** Replaces a condition of the same type; `since` is kept while the status stays the same. */
export function withCondition(group: Group, condition: Omit<Group['conditions'][number], 'since'>, now: Date): Group['conditions'] {
  const before = group.conditions.find((c) => c.type === condition.type);
  const since = before?.status === condition.status ? before.since : now.toISOString();
  return [...group.conditions.filter((c) => c.type !== condition.type), { ...condition, since }];
}
