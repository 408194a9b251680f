import type { Server } from '@godwit/openstack';
import { at } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { labels } from '../names.ts';
import type { Group } from '../schemas.ts';

/** Under which epoch a recovery made it; 0 for what no recovery made. */
export const epochOf = (x: { readonly metadata?: Readonly<Record<string, string>> }): number => Number(x.metadata?.[labels.epoch]) || 0;

/** Servers that a recovery made for a group at a site, under one epoch, or any. */
export async function serversOfGroup(deps: Deps, group: Pick<Group, 'id' | 'project'>, site: string, epoch?: number): Promise<Server[]> {
  const servers = await at(site, () => deps.sites.get(site).asProject(group.project).compute.servers.list());
  return servers.filter((s) => s.metadata?.[labels.group] === group.id && (epoch === undefined || s.metadata[labels.epoch] === String(epoch)));
}
