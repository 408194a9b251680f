import type { GatewayLead } from '../gateway/types.ts';
import type { VipRecord } from '../vip/types.ts';
import type { ReconcileReport, SitePlan, StretchRequest, StretchedNetwork } from '../schemas.ts';

/** What is wanted, and what was made of it. */
export interface NetworkRecord {
  readonly id: string;
  /** `<domain>/<name>` */
  readonly project: string;
  readonly name: string;
  readonly state: StretchedNetwork['state'];
  readonly request: StretchRequest;
  /** From the preflight on. */
  readonly vni?: number;
  /** Between border gateways. */
  readonly transitVni?: number;
  readonly cidr?: string;
  readonly mtu?: number;
  readonly sites: readonly SitePlan[];
  /** Ports that a recovery brought to another site: what has their MAC address elsewhere is the copy that was left, and is not mirrored. */
  readonly moved?: readonly MovedPort[];
}

export interface MovedPort {
  readonly mac: string;
  /** The site where it is now. */
  readonly to: string;
}

export interface NetworkStore {
  /** False: the project has one of that name. */
  insertVip(vip: VipRecord): Promise<boolean>;
  vips(network?: string): Promise<VipRecord[]>;
  vip(id: string): Promise<VipRecord | undefined>;
  /** As `update`. */
  updateVip(id: string, change: (vip: VipRecord) => VipRecord): Promise<VipRecord | undefined>;
  deleteVip(id: string): Promise<void>;
  /** False: the project has one of that name. */
  insert(record: NetworkRecord): Promise<boolean>;
  get(id: string): Promise<NetworkRecord | undefined>;
  list(project?: string): Promise<NetworkRecord[]>;
  /** Changes a record under its row's lock; undefined: it is gone. */
  update(id: string, change: (record: NetworkRecord) => NetworkRecord): Promise<NetworkRecord | undefined>;
  /** Gives a record a VNI that no other has, one at a time over all networks. False: another has taken it meanwhile. */
  takeVni(id: string, vni: number, kind?: 'vni' | 'transitVni'): Promise<boolean>;
  delete(id: string): Promise<void>;
  putReport(id: string, report: ReconcileReport, placed: readonly string[]): Promise<void>;
  report(id: string): Promise<{ readonly report: ReconcileReport; readonly placed: readonly string[] } | undefined>;
  /** Takes or keeps the right to change a network's ports until that time. False: another controller has it. */
  hold(id: string, holder: string, now: Date, until: Date): Promise<boolean>;
  release(id: string, holder: string): Promise<void>;
  gatewayLeads(): Promise<GatewayLead[]>;
  /** Writes who leads a site's gateways, if the site still has epoch `before` (0: none yet). False: another controller was first. */
  putGatewayLead(lead: GatewayLead, before: number): Promise<boolean>;
}
