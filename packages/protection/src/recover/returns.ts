import { orUndefined, type Server } from '@godwit/openstack';
import { at } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { labels } from '../names.ts';
import type { ServerRecord } from '../inventory/types.ts';
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
      servers[record.id] = server.id;
      for (const [origin, id] of pairs) volumes[origin] = id ?? '';
    }
    return Object.keys(servers).length > 0 ? { returns: { servers, volumes } } : {};
  });
}

/** The one that it was made in place of, or one that was made in place of it. */
const isEarlier = (plan: RecoveryPlan, server: Server, record: ServerRecord): boolean =>
  server.id === record.origin || (server.metadata?.[labels.group] === plan.group.id && server.metadata[labels.origin] === record.id);
