import { GodwitError, projectKey } from '@godwit/sites';
import type { Group, RecoveryPoint } from './schemas.ts';
import type { Caller } from './service-types.ts';
import { type Store } from './store/store.ts';

const owns = (caller: Caller, group: Group): boolean => caller.admin || (caller.project !== undefined && projectKey(caller.project) === projectKey(group.project));

/** What another project owns is as unknown as what is not there. */
export async function findGroup(store: Store, caller: Caller, idOrName: string): Promise<Group> {
  const candidates = isUuid(idOrName) ? [await store.group(idOrName)] : [];
  const byName = caller.admin || caller.project ? await store.groupsNamed(idOrName, caller.admin ? undefined : caller.project && projectKey(caller.project)) : [];
  // An admin sees every project's: its own project's comes first.
  byName.sort((a, b) => Number(caller.project !== undefined && projectKey(b.project) === projectKey(caller.project)) - Number(caller.project !== undefined && projectKey(a.project) === projectKey(caller.project)));
  const group = [...candidates, ...byName].find((g) => g !== undefined && owns(caller, g));
  if (group) return group;
  throw new GodwitError('GW_GROUP_UNKNOWN', 'terminal', `this project has no group ${idOrName}`, { resource: `group ${idOrName}`, action: 'godwit group list shows those there are; godwit catalog rebuild reads them from a site.' });
}

export async function findPoint(store: Store, caller: Caller, id: string): Promise<{ group: Group; point: RecoveryPoint }> {
  const point = isUuid(id) ? await store.point(id) : undefined;
  const group = point && (await store.group(point.groupId));
  if (point && group && owns(caller, group)) return { group, point };
  throw new GodwitError('GW_POINT_UNKNOWN', 'terminal', `this project has no recovery point ${id}`, { resource: `recovery point ${id}`, action: 'godwit recovery-point list GROUP shows those there are.' });
}

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
