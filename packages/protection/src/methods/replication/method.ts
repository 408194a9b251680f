import { at } from '@godwit/sites';
import type { Deps } from '../../deps.ts';
import { memberChecks } from '../../preflight/members.ts';
import { volumeChecks } from '../../preflight/volumes.ts';
import { undoBriefly } from '../../protect/undo.ts';
import { byPlace } from '../../replication/held.ts';
import { driverOf, locate } from '../../replication/places.ts';
import type { Group, RecoveryPoint } from '../../schemas.ts';
import type { Method } from '../types.ts';
import { arrived } from './arrive.ts';
import { replicationChecks } from './checks.ts';
import { beginReplication } from './enable.ts';
import { abandonMark, markPoint } from './mark.ts';
import { replicaStore } from './store.ts';
import { placesOf } from './where.ts';

/** The storage keeps a copy of each volume at the recovery site; a point is a mark in all of them at one moment, while the members are frozen. */
export const replication: Method = {
  name: 'replication',
  moment: 'group',
  backsUp: false,
  consistency: () => 'application',
  checks: ({ site, group, servers, deps }) => {
    const volumes = servers.flatMap((s) => s.volumes);
    return [
      ...memberChecks(site, servers, { localRoot: false, agent: 'required' }),
      ...volumeChecks(site, site.asProject(group.project), volumes, undefined, { backups: false }),
      ...replicationChecks(deps, group, volumes),
    ];
  },
  plan: (group, servers) => {
    const order = servers.map((s) => s.name);
    const volumes = servers.flatMap((s) => s.volumes);
    return [
      `keep a copy of ${volumes.length} volumes (${volumes.reduce((n, v) => n + v.sizeGiB, 0)} GiB) at the recovery site, in ${group.policy.mirrorMode ?? 'snapshot'} mode`,
      `freeze ${order.join(', then ')} at ${group.activeSite} (at most ${group.policy.freezeLimitSeconds} s)`,
      'mark the point in all of them at once',
      `thaw ${[...order].reverse().join(', then ')}`,
      'wait until each copy holds the point',
    ];
  },
  prepare: async ({ signal }, group, volumes, say, deps) => {
    say('BeginningReplication');
    return { cinderGroupId: '', replicas: await beginReplication(deps, group, volumes, signal) };
  },
  capture: (ctx, { deps, input, prepared }) =>
    ctx.step('mark-replicas', (s) => markPoint(deps, input, prepared, s), {
      attempts: 1,
      uncancellable: true,
      compensate: (_result, s) => undoBriefly(() => abandonMark(deps, input, prepared, s)),
    }),
  carry: async (ctx, making, capture) => {
    const made = await ctx.all('await-replica', making.prepared.volumes, (v) => v.id, (v, s) => arrived(making, capture, v, s));
    return { images: [], replicas: Object.fromEntries(made.map((m) => [m.volumeId, m.replica])) };
  },
  release: () => Promise.resolve(),
  cleanUp: (deps, group, point, signal) => unmarkSource(deps, group, point, signal),
  store: replicaStore,
};

/** Of a point that failed: what it marked at its source, as far as that can be told. */
async function unmarkSource(deps: Deps, group: Group, point: RecoveryPoint, signal: AbortSignal): Promise<void> {
  const driver = driverOf(deps);
  if (point.volumes.length > 0) {
    for (const held of byPlace(group.id, await placesOf(deps, point.sourceSite, point, 'peer'))) await driver.unmark(held, point.id, signal);
    return;
  }
  if (point.sourceSite !== group.activeSite) return;
  // It failed before anything was written down of it: the members' volumes of now are what it can have marked.
  const cloud = deps.sites.get(point.sourceSite).asProject(group.project);
  const ids = await at(point.sourceSite, async () => (await Promise.all(group.members.map((m) => cloud.compute.servers.volumeAttachments(m.serverId)))).flat().map((a) => a.volumeId));
  const located = await locate(deps, point.sourceSite, point.recoverySite, ids.map((id) => ({ id, name: '', sizeGiB: 0, type: '', device: '', bootIndex: -1, deleteOnTermination: false, imageMetadata: {}, metadata: {} })));
  for (const held of byPlace(group.id, located.map((l) => ({ place: l.source, image: l.image })))) {
    const found = await driver.status(held.place, held.images, signal);
    const mine = found.filter((i) => i.group === group.id && i.marks.some((m) => m.point === point.id)).map((i) => i.image);
    if (mine.length > 0) await driver.unmark({ ...held, images: mine }, point.id, signal);
  }
}
