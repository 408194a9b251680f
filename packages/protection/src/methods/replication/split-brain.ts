import { GodwitError } from '@godwit/sites';
import type { Group } from '../../schemas.ts';

/** Both sides are primary: each has what the other has not, and neither follows. Never ended by itself: others lost data that way. */
export const splitBrain = (group: Pick<Group, 'name'>, site: string, image: string): GodwitError =>
  new GodwitError('GW_REPLICATION_SPLIT_BRAIN', 'terminal', `${site}: image ${image} of group ${group.name} is primary at both sites, so its copy does not follow`, {
    site, resource: `image ${image}`, action: `Decide which side’s data is given up; godwit group resync ${group.name} gives up that of the site where the group does not run, and keeps a copy of it.`,
  });
