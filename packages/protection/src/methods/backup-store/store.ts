import { at } from '@godwit/sites';
import { verifyChain } from '../../cinder/chain.ts';
import type { PointStore } from '../types.ts';
import { removeData } from './remove.ts';
import { deleteVolumes, restoreVolume } from './restore.ts';
import { verifyRootImage } from './root-images.ts';

/** Chains of Cinder's backups, which both sites' cinder-backups read, and images in the recovery site's Glance for disks that are no volumes. */
export const backupStore: PointStore = {
  checks(deps, group, { recoverySite: site, volumes, images = [] }) {
    const tenant = deps.sites.get(site).asProject(group.project);
    return [
      ...volumes.map((v) => ({ site, resource: `volume ${v.name || v.volumeId}`, run: () => at(site, async () => (await verifyChain(site, tenant, v.chain), [])) })),
      ...images.map((i) => ({ site, resource: `image ${i.imageId}`, run: () => at(site, async () => (await verifyRootImage(site, tenant, i), [])) })),
    ];
  },
  restoreVolume,
  deleteRestored: deleteVolumes,
  remove: removeData,
};
