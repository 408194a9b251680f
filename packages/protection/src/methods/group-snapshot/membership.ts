import type { Cloud } from '@godwit/openstack';
import type { Site } from '@godwit/sites';
import type { VolumeRecord } from '../../inventory/types.ts';
import { names } from '../../names.ts';
import type { Check } from '../../preflight/findings.ts';

/** Cinder lets a volume be in one group only: ours must be able to take it. */
export function membershipCheck(site: Site, tenant: Cloud, groupId: string, record: VolumeRecord): Check {
  const resource = `volume ${record.id}`;
  return {
    site: site.name,
    resource,
    run: async () => {
      const volume = await site.admin.volume.volumes.get(record.id).catch(() => tenant.volume.volumes.get(record.id));
      if (!volume.group_id) return [];
      const group = await tenant.volume.groups.get(volume.group_id);
      if (group.name === names.cinderGroup(groupId)) return [];
      return [{ code: 'GW_VOLUME_IN_OTHER_GROUP', site: site.name, resource, message: `${site.name}: volume ${record.name || record.id} is in another volume group, ${group.name ?? group.id}`, action: 'Cinder lets a volume be in one group only: take it out of that one.' }];
    },
  };
}
