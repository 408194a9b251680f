import type { Port } from '@godwit/openstack';
import type { ProjectRef } from '@godwit/sites';

/** Asked of whoever stretches networks over the sites; this package does not know them. */
export interface RecoveryNetwork {
  /** The site whose port a port merely stands for; undefined: it is a port of its own. */
  standsFor(port: Pick<Port, 'device_owner' | 'description'>): string | undefined;
  /** What stands there for a member's port goes, and stays away. Done twice, it is done. */
  giveWay(move: { readonly project: ProjectRef; readonly site: string; readonly networkId: string; readonly mac: string }): Promise<void>;
  /** The member did not come after all. */
  takeBack(move: { readonly project: ProjectRef; readonly site: string; readonly networkId: string; readonly mac: string }): Promise<void>;
}
