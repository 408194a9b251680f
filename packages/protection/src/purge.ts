import { at } from '@godwit/sites';
import type { WorkflowDefinition } from '@godwit/workflow';
import { deleteCinderGroup } from './cinder/group.ts';
import type { Deps } from './deps.ts';
import { deletePoint } from './protect/prune.ts';
import type { Group } from './schemas.ts';

export interface PurgeInput {
  readonly groupId: string;
}

/** Deletes a group with everything that was made for it: recovery points at both sites, newest first, and Cinder's volume group. */
export function purgeWorkflow(deps: Deps): WorkflowDefinition<PurgeInput, { points: number }> {
  return {
    name: 'purge',
    run: async (ctx, input) => {
      const points = await ctx.step('list', async () => (await deps.store.points(input.groupId)).map((p) => p.id).reverse());
      for (const id of points) {
        await ctx.step(`delete-point[${id}]`, async (s) => {
          const [group, point] = [await deps.store.group(input.groupId), await deps.store.point(id)];
          if (group && point) await deletePoint(deps, group, point, s.signal);
        });
      }
      await ctx.step('delete-group', async (s) => {
        const group = await deps.store.group(input.groupId);
        if (!group) return;
        await releaseVolumes(deps, group, s.signal);
        await deps.store.deleteGroup(group.id);
      });
      return { points: points.length };
    },
  };
}

/**
 * Cinder's volume group holds the application's volumes: only the group goes, they stay. Each site at which the group ever ran has one;
 * all are tried, then the first failure is told.
 */
export async function releaseVolumes(deps: Deps, group: Group, signal: AbortSignal): Promise<void> {
  const ends = await Promise.allSettled(
    [...new Set([group.activeSite, group.site, group.recoverySite])].map((site) => {
      const cloud = deps.sites.get(site).asProject(group.project);
      return at(site, () => deleteCinderGroup({ site, cloud, clock: deps.clock, signal }, group.id));
    }),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
