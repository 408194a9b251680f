import { hasAgent, mustQuiesce, type ServerRecord } from '../../inventory/types.ts';
import { memberChecks } from '../../preflight/members.ts';
import { volumeChecks } from '../../preflight/volumes.ts';
import { undoBriefly } from '../../protect/undo.ts';
import type { Consistency } from '../../schemas.ts';
import { deleteRootImages } from '../backup-store/root-images.ts';
import { backupStore } from '../backup-store/store.ts';
import type { Method } from '../types.ts';
import { abandonServer, captureServer, joined } from './capture.ts';
import { carryRootImage } from './carry.ts';
import { dropImages } from './drop.ts';

/**
 * Nova makes an image of each server, and with it a snapshot of each of its volumes. Needs nothing but Nova's API, and reaches root disks
 * that are no volumes; but each server has a moment of its own.
 */
export const serverImage: Method = {
  name: 'server-image',
  moment: 'server',
  backsUp: true,
  consistency,
  checks: ({ site, group, servers }) => [
    ...memberChecks(site, servers, { localRoot: true, agent: 'if-present' }),
    ...volumeChecks(site, site.asProject(group.project), servers.flatMap((s) => s.volumes), group.policy.backupZone),
  ],
  plan: (group, servers) => {
    const local = servers.filter((s) => s.imageBooted).map((s) => s.name);
    return [
      `make an image of ${servers.map((s) => s.name).join(', ')} at ${group.activeSite} by Nova${servers.length > 1 ? ', each at a moment of its own: the servers are not consistent with each other' : ''}`,
      ...(consistency(servers) === 'none' ? ['what is protected is as after a power cut: not every disk of a server is snapshotted while its agent holds it frozen'] : []),
      ...(local.length > 0 ? [`send the root disk of ${local.join(', ')}, which is no volume, as a whole image`] : []),
    ];
  },
  prepare: () => Promise.resolve({ cinderGroupId: '' }),
  capture: async (ctx, making) => {
    const { servers } = making.prepared;
    const made = await ctx.all('server-image', servers, (v) => v.id, (v, s) => captureServer(making, v, s), { compensate: (_result, s, v) => undoBriefly(() => abandonServer(making, v, s)) });
    return joined(servers, made);
  },
  carry: async (ctx, making, { images = {} }) => ({
    images: await ctx.all('carry-image', making.prepared.servers.filter((v) => images[v.id] !== undefined), (v) => v.id, (v, s) => carryRootImage(making, v, images[v.id] ?? '', s), {
      compensate: (_result, _s, v) =>
        undoBriefly(async () => {
          const { deps, input, prepared } = making;
          if ((await deps.store.point(input.pointId))?.state === 'Available') return;
          await deleteRootImages(deps, prepared.group, prepared.target, input.pointId, v.id);
        }),
    }),
  }),
  release: (ctx, { deps, input, prepared }) => ctx.step('drop-images', (s) => dropImages(deps, prepared.group, prepared.source, input.pointId, s.signal)),
  cleanUp: (deps, group, point, signal) => dropImages(deps, group, point.sourceSite, point.id, signal),
  store: backupStore,
};

/**
 * Nova snapshots a server's volumes while its agent holds the guest frozen, and goes on without when the agent does not obey, unless the
 * image says os_require_quiesce. A root disk that is no volume is copied at another moment than the volumes, and on some storage unfrozen.
 */
function consistency(servers: readonly ServerRecord[]): Consistency {
  return servers.every((s) => !s.imageBooted && hasAgent(s) && mustQuiesce(s)) ? 'server' : 'none';
}
