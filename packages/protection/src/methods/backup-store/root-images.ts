import { isOpenStackError, orUndefined, type Cloud, type Image } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { Deps } from '../../deps.ts';
import { removeImage } from '../../glance/remove-image.ts';
import type { Group, PointImage } from '../../schemas.ts';

/** Root disks that are no volumes lie in the recovery site's Glance beside the manifest: hidden, protected, of the group's own project. */
export const rootImageTag = 'godwit-root';

/** All of a point's at a site, whole or not; left out: of all points. */
export async function findRootImages(tenant: Cloud, pointId?: string): Promise<Image[]> {
  const { projectId } = await tenant.session.token();
  const images = await tenant.image.list({ tag: rootImageTag, os_hidden: true });
  return images.filter((i) => i.owner === projectId && (pointId === undefined || i['godwit_point'] === pointId));
}

/** Throws GW_IMAGE_DAMAGED unless the image is there and has the bytes that were sent, by its site's own account. */
export async function verifyRootImage(site: string, tenant: Cloud, wanted: PointImage): Promise<void> {
  const { projectId } = await tenant.session.token();
  const image = await orUndefined(tenant.image.get(wanted.imageId));
  if (!image || image.owner !== projectId) throw damaged(site, wanted, 'it is not there');
  if (image.status !== 'active') throw damaged(site, wanted, `it is ${image.status}`);
  if (image.size !== wanted.sizeBytes) throw damaged(site, wanted, `it has ${image.size ?? 0} bytes, not ${wanted.sizeBytes}`);
  if (image.os_hash_algo !== wanted.hash.algorithm || image.os_hash_value !== wanted.hash.value) throw damaged(site, wanted, 'its hash is another one');
}

export async function deleteRootImages(deps: Deps, group: Pick<Group, 'project' | 'name'>, site: string, pointId: string, serverId?: string): Promise<void> {
  const tenant = deps.sites.get(site).asProject(group.project);
  await at(site, async () => {
    for (const image of (await findRootImages(tenant, pointId)).filter((i) => serverId === undefined || i['godwit_origin'] === serverId)) {
      try {
        await removeImage(tenant, image.id);
      } catch (error) {
        // Glance on Ceph keeps an image that a server's disk is a clone of: a recovered member runs from it, so it is the project's now.
        if (!isOpenStackError(error, 'OS_CONFLICT')) throw error;
        deps.log('warn', 'an image that a server runs from was left', { site, group: group.name, image: image.id });
      }
    }
  });
}

export const damaged = (site: string, image: Pick<PointImage, 'imageId' | 'serverName'>, why: string): GodwitError =>
  new GodwitError('GW_IMAGE_DAMAGED', 'terminal', `${site}: image ${image.imageId}, the root disk of server ${image.serverName}, cannot be used: ${why}`, {
    site,
    resource: `image ${image.imageId}`,
    action: 'Recover from another recovery point, or protect again.',
  });
