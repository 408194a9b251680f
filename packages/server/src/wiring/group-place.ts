import type { GroupPlace } from '@godwit/network';
import type { Store } from '@godwit/protection';

/** What use case 2 asks of use case 3: where a protection group is active, so that an address that belongs to it is held only there. */
export function groupPlace(store: Pick<Store, 'groups'>): GroupPlace {
  return async (project, name) => {
    const group = (await store.groups({ project, limit: 10_000 })).find((g) => g.name === name);
    return group && { site: group.activeSite, epoch: group.epoch };
  };
}
