import { ensureCinderGroup } from '../../cinder/group.ts';
import { deleteGroupSnapshot } from '../../cinder/drop-group-snapshot.ts';
import { memberChecks } from '../../preflight/members.ts';
import { volumeChecks } from '../../preflight/volumes.ts';
import { undoBriefly } from '../../protect/undo.ts';
import { at } from '@godwit/sites';
import { backupStore } from '../backup-store/store.ts';
import type { Method } from '../types.ts';
import { abandonWindow, dropGroupSnapshot, freezeAndSnapshot } from './freeze-and-snapshot.ts';
import { membershipCheck } from './membership.ts';

/** All members frozen in order, one group snapshot, thawed in reverse: every disk of the group at one moment. */
export const groupSnapshot: Method = {
  name: 'group-snapshot',
  moment: 'group',
  backsUp: true,
  consistency: () => 'application',
  checks: ({ site, group, servers }) => {
    const volumes = servers.flatMap((s) => s.volumes);
    const tenant = site.asProject(group.project);
    return [...memberChecks(site, servers, { localRoot: false, agent: 'required' }), ...volumeChecks(site, tenant, volumes, group.policy.backupZone), ...volumes.map((v) => membershipCheck(site, tenant, group.id, v))];
  },
  plan: (group, servers) => {
    const order = servers.map((s) => s.name);
    const volumes = servers.flatMap((s) => s.volumes);
    return [
      `freeze ${order.join(', then ')} at ${group.activeSite} (at most ${group.policy.freezeLimitSeconds} s)`,
      `one group snapshot of ${volumes.length} volumes (${volumes.reduce((n, v) => n + v.sizeGiB, 0)} GiB)`,
      `thaw ${[...order].reverse().join(', then ')}`,
    ];
  },
  prepare: async (deps, group, volumes, say) => {
    say('PreparingVolumeGroup');
    return { cinderGroupId: await ensureCinderGroup(deps, group.id, volumes) };
  },
  capture: (ctx, { deps, input, prepared }) =>
    ctx.step('freeze-and-snapshot', (s) => freezeAndSnapshot(deps, input, prepared, s), {
      attempts: 1,
      uncancellable: true,
      compensate: (_result, s) => undoBriefly(() => abandonWindow(deps, input, prepared, s)),
    }),
  carry: () => Promise.resolve({ images: [] }),
  release: (ctx, { deps, input, prepared }) => ctx.step('drop-snapshot', (s) => dropGroupSnapshot(deps, input, prepared, s)),
  cleanUp: (deps, group, point, signal) => {
    const cloud = deps.sites.get(point.sourceSite).asProject(group.project);
    return at(point.sourceSite, () => deleteGroupSnapshot({ site: point.sourceSite, cloud, clock: deps.clock, signal }, point.id));
  },
  store: backupStore,
};
