import { orUndefined } from '@godwit/openstack';
import { at } from '@godwit/sites';
import { deleteSnapshots } from '../../cinder/delete-snapshots.ts';
import type { Deps } from '../../deps.ts';
import type { Group } from '../../schemas.ts';
import { names } from '../../names.ts';

/**
 * Deletes the images and snapshots that a point was made from, all of them by their names: a try that a crash cut short may have left more
 * than is known. Nova makes the snapshots first, so there may be some without an image.
 * @param serverId only what was made of this one
 */
export async function dropImages(deps: Deps, group: Pick<Group, 'project'>, site: string, pointId: string, signal: AbortSignal, only?: { readonly serverId: string; readonly volumeIds: readonly string[] }): Promise<void> {
  const cloud = deps.sites.get(site).asProject(group.project);
  const image = names.serverImage(pointId, only?.serverId ?? '');
  const volumes = only ? only.volumeIds.map((id) => names.volumeSnapshot(pointId, id)) : [names.volumeSnapshot(pointId, '')];
  const isMine = (name: string | null | undefined): boolean => name?.startsWith(image) === true;
  await at(site, async () => {
    const { projectId } = await cloud.session.token();
    for (const found of await cloud.image.list({ owner: projectId ?? '' })) {
      if (found.owner === projectId && isMine(found.name)) await orUndefined(cloud.image.delete(found.id));
    }
    // Nova calls them `snapshot for NAME`, in the language of its host.
    await deleteSnapshots({ site, cloud, clock: deps.clock, signal }, (s) => s.name?.includes(image) === true || volumes.some((v) => s.name?.startsWith(v)));
  });
}
