import type { Finding } from '../schemas.ts';
import type { VipMember } from './schemas.ts';

/** A virtual IP as it is kept. */
export interface VipRecord {
  readonly id: string;
  /** Id of the stretched network. */
  readonly network: string;
  /** `<domain>/<name>` */
  readonly project: string;
  readonly name: string;
  readonly address: string;
  readonly state: 'Active' | 'Removing';
  readonly members: readonly VipMember[];
  readonly holder: { readonly site: string; readonly port: string };
  readonly epoch: number;
  readonly movedAt: string;
  readonly reason: string;
  readonly group?: string;
  readonly automatic: boolean;
  /** The hypervisors of each site and their tunnel ends, as last seen: so that a move asks no Neutron. */
  readonly places: readonly Place[];
  readonly findings: readonly Finding[];
}

export interface Place {
  readonly site: string;
  readonly networkId: string;
  readonly hosts: Readonly<Record<string, string>>;
  /** Its own border gateway, where it reaches the other sites by it. */
  readonly via?: string;
}

/** Where a protection group is active; asked of whoever knows groups. */
export type GroupPlace = (project: string, group: string) => Promise<{ readonly site: string; readonly epoch: number } | undefined>;

export const holderOf = (vip: VipRecord): VipMember | undefined => vip.members.find((m) => m.site === vip.holder.site && m.port === vip.holder.port);
