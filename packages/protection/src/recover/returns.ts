import { orUndefined, type Server } from '@godwit/openstack';
import { at } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { labels } from '../names.ts';
import type { ServerRecord } from '../inventory/types.ts';
import { placeAt } from '../replication/held.ts';
import { driverOf, imageOf } from '../replication/places.ts';
import type { RecoveryPlan } from './assess.ts';
import { shutOutEpoch } from './fence.ts';

/** What is at a site already, by the ids of the site that the group leaves. */
export interface Returns {
  readonly servers: Readonly<Record<string, string>>;
  readonly volumes: Readonly<Record<string, string>>;
}

/**
 * Members that ran at this site before: their stopped servers there, with the volumes that their data came from. They are started again rather
 * than made anew, so that a group that comes back has the ids it had. A server of which anything is different is not taken.
 */
export async function returning(deps: Deps, plan: RecoveryPlan): Promise<{ returns?: Returns }> {
  const tenant = deps.sites.get(plan.to).asProject(plan.group.project);
  return at(plan.to, async () => {
    const [all, disks] = await Promise.all([tenant.compute.servers.list(), tenant.volume.volumes.list()]);
    const servers: Record<string, string> = {};
    const volumes: Record<string, string> = {};
    for (const record of plan.servers) {
      const server = all.find((v) => v.status === 'SHUTOFF' && shutOutEpoch(v) > 0 && isEarlier(plan, v, record));
      if (!server) continue;
      const attached = new Set(((await orUndefined(tenant.compute.servers.volumeAttachments(server.id))) ?? []).map((a) => a.volumeId));
      const pairs = record.volumes.map((v) => [v.id, disks.find((d) => attached.has(d.id) && (d.id === v.origin || (d.metadata[labels.group] === plan.group.id && d.metadata[labels.origin] === v.id)))?.id] as const);
      if (attached.size !== record.volumes.length || pairs.some(([, id]) => id === undefined)) continue;
      if (!(await namesAreFree(deps, plan, pairs))) continue;
      servers[record.id] = server.id;
      for (const [origin, id] of pairs) volumes[origin] = id ?? '';
    }
    return Object.keys(servers).length > 0 ? { returns: { servers, volumes } } : {};
  });
}

/** The one that it was made in place of, or one that was made in place of it. */
const isEarlier = (plan: RecoveryPlan, server: Server, record: ServerRecord): boolean =>
  server.id === record.origin || (server.metadata?.[labels.group] === plan.group.id && server.metadata[labels.origin] === record.id);

/**
 * Each volume's image is the copy itself, or gone since it was renamed. A group that was brought away by another method and is copied anew has
 * other images behind the volumes that it left: those are not given up for the copies.
 */
async function namesAreFree(deps: Deps, plan: RecoveryPlan, pairs: readonly (readonly [string, string | undefined])[]): Promise<boolean> {
  for (const [origin, id = ''] of pairs) {
    const replica = plan.replicas?.[origin];
    if (!replica) return false;
    const place = await placeAt(deps, plan.to, replica.pool, replica.cluster);
    const image = imageOf(await deps.sites.get(plan.to).admin.volume.volumes.get(id));
    const [now] = place ? await driverOf(deps).status(place, [image]) : [];
    if (now?.found === true && now.mirror?.globalId !== replica.globalId) return false;
  }
  return true;
}
