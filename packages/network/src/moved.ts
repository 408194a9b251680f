import { at, type ProjectRef, projectKey, projectOf } from '@godwit/sites';
import type { Port } from '@godwit/openstack';
import type { Deps } from './deps.ts';
import { readPortMark, REMOTE } from './names.ts';
import type { NetworkRecord } from './store/types.ts';

export interface Move {
  readonly project: ProjectRef;
  /** The site that a port comes to. */
  readonly site: string;
  /** Of the network there. */
  readonly networkId: string;
  readonly mac: string;
}

/** The site whose port a port stands for; undefined: it stands for itself. */
export const standsFor = (port: Pick<Port, 'device_owner' | 'description'>): string | undefined => (port.device_owner === REMOTE ? readPortMark(port.description)?.from : undefined);

/**
 * Before a member comes to another site: what stood for it there goes, and does not come back, though the port that it left is still there. It is
 * written down before anything is deleted, so that no other controller's turn brings it back.
 */
export async function giveWay(deps: Deps, { project, site, networkId, mac }: Move): Promise<void> {
  for (const record of await stretchedOver(deps, project, site, networkId)) {
    await deps.store.update(record.id, (r) => ({ ...r, moved: [...(r.moved ?? []).filter((m) => m.mac !== mac), { mac, to: site }] }));
    const { ports } = deps.sites.get(site).asProject(projectOf(record.project)).network;
    await at(site, async () => {
      for (const port of await ports.list({ network_id: networkId, mac_address: mac })) {
        if (standsFor(port) === undefined || readPortMark(port.description)?.network !== record.id) continue;
        await ports.delete(port.id).catch((error: unknown) => {
          if ((error as { code?: string }).code !== 'OS_NOT_FOUND') throw error;
        });
      }
    }, `remote port ${mac}`);
  }
}

/** The member did not come after all. */
export async function takeBack(deps: Deps, { project, site, networkId, mac }: Move): Promise<void> {
  for (const record of await stretchedOver(deps, project, site, networkId)) {
    await deps.store.update(record.id, (r) => ({ ...r, moved: (r.moved ?? []).filter((m) => !(m.mac === mac && m.to === site)) }));
  }
}

const stretchedOver = async (deps: Deps, project: ProjectRef, site: string, networkId: string): Promise<NetworkRecord[]> =>
  (await deps.store.list(projectKey(project))).filter((r) => r.sites.some((s) => s.site === site && s.networkId === networkId));
