/** What lies behind one tunnel end: MAC addresses of ports. Flooded frames go to each end that is named. */
export interface Behind {
  readonly vtep: string;
  readonly macs: readonly string[];
}

/** One stretched network, as one site's gateways are to have it. */
export interface GatewaySpec {
  /** Id of the stretched network. */
  readonly network: string;
  readonly siteVni: number;
  readonly transitVni: number;
  readonly mtu: number;
  /** The site's own hypervisors. */
  readonly local: readonly Behind[];
  /** The other sites' active gateways. */
  readonly remote: readonly Behind[];
}

/** Where a gateway stands: `ok` when its addresses are at interfaces that are up. */
export interface GatewayStand {
  readonly epoch: number;
  readonly active: boolean;
  readonly ok: boolean;
}

interface Counters {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}
interface Side {
  readonly received: Counters;
  readonly sent: Counters;
}

/** What a gateway says of itself. */
export interface GatewayReport {
  readonly siteAddress: string;
  readonly transitAddress: string;
  readonly siteMtu: number;
  readonly transitMtu: number;
  readonly networks: readonly { readonly network: string; readonly digest: string; readonly up: boolean; readonly mtu: number; readonly entries: number; readonly site: Side; readonly transit: Side }[];
  readonly repairs: number;
  readonly problems: readonly { readonly code: string; readonly message: string }[];
}

export interface GatewayNode {
  readonly name: string;
  readonly site: string;
  /** To any controller. */
  readonly connected: boolean;
  /** The last, maybe from before it went away; undefined: it never gave one. */
  readonly report?: GatewayReport;
}

/** Godwit's agents at the border gateways, as this use case asks them. An order under an older epoch than a gateway has seen is refused; each may be given twice. */
export interface GatewayNodes {
  list(): Promise<readonly GatewayNode[]>;
  beat(node: string): Promise<GatewayStand>;
  lead(node: string, order: { readonly epoch: number; readonly active: boolean }): Promise<GatewayStand>;
  /** Resolves when the tables are in the kernel. */
  put(node: string, epoch: number, spec: GatewaySpec): Promise<void>;
  forget(node: string, epoch: number, network: string): Promise<void>;
}

/** Which gateway of a site carries its networks. */
export interface GatewayLead {
  readonly site: string;
  readonly epoch: number;
  /** Name of the node. */
  readonly active: string;
  readonly since: string;
  readonly reason: string;
}

/** An active gateway, with where it is reached. */
export interface GatewayEnd {
  readonly node: string;
  readonly epoch: number;
  readonly siteAddress: string;
  readonly transitAddress: string;
}
export type GatewayEnds = ReadonlyMap<string, GatewayEnd>;
