/** Times are milliseconds since 1970. */
interface Born {
  readonly id: string;
  readonly projectId: string;
  name: string;
  description: string | null;
  readonly createdAt: number;
  updatedAt: number;
  revision: number;
  tags: string[];
}

export interface Network extends Born {
  adminUp: boolean;
  mtu: number;
  shared: boolean;
  external: boolean;
  portSecurity: boolean;
  readonly type: string;
  readonly physical: string | null;
  readonly segment: number;
}

export interface Subnet extends Born {
  readonly networkId: string;
  readonly cidr: string;
  readonly version: 4 | 6;
  gateway: string | null;
  dhcp: boolean;
  pools: { readonly start: string; readonly end: string }[];
  dns: string[];
  routes: { readonly destination: string; readonly nexthop: string }[];
}

export interface AddressPair {
  readonly ip_address: string;
  readonly mac_address: string;
}

export interface Port extends Born {
  readonly networkId: string;
  mac: string;
  fixedIps: { readonly subnet_id: string; readonly ip_address: string }[];
  status: 'DOWN' | 'ACTIVE' | 'BUILD';
  adminUp: boolean;
  deviceId: string;
  deviceOwner: string;
  securityGroups: string[];
  pairs: AddressPair[];
  portSecurity: boolean;
  vnicType: string;
  hostId: string;
  vifType: string;
  vifDetails: Record<string, unknown>;
  profile: Record<string, unknown>;
}

export interface Rule {
  readonly id: string;
  readonly projectId: string;
  readonly groupId: string;
  readonly direction: string;
  readonly ethertype: string;
  readonly protocol: string | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly remotePrefix: string | null;
  readonly remoteGroup: string | null;
  readonly remoteAddressGroup: string | null;
  readonly description: string | null;
  readonly createdAt: number;
}

export interface SecurityGroup extends Born {
  stateful: boolean;
  readonly rules: Map<string, Rule>;
}

export interface AddressGroup extends Born {
  addresses: string[];
}

export interface Agent {
  readonly id: string;
  readonly type: string;
  readonly binary: string;
  readonly topic: string;
  readonly host: string;
  adminUp: boolean;
  configurations: Record<string, unknown>;
  readonly createdAt: number;
  startedAt: number;
  beatAt: number;
  /** The site's own L2 agent: it beats as long as it runs. */
  readonly own: boolean;
}

/** Which port has an address of a network. */
export interface Addresses {
  readonly macs: Map<string, string>;
  /** By subnet and IP. */
  readonly ips: Map<string, string>;
}

export interface NeutronState {
  readonly networks: Map<string, Network>;
  readonly subnets: Map<string, Subnet>;
  readonly ports: Map<string, Port>;
  readonly securityGroups: Map<string, SecurityGroup>;
  readonly addressGroups: Map<string, AddressGroup>;
  readonly agents: Map<string, Agent>;
  readonly addresses: Map<string, Addresses>;
  /** Ids of a device's ports. */
  readonly ofDevice: Map<string, Set<string>>;
  readonly quotas: Map<string, Record<string, number>>;
  /** By project, then resource. */
  readonly used: Map<string, Record<string, number>>;
  /** When neutron-server started: an agent's report of before is ignored. */
  times: { startedAt: number };
  segments: { next: number };
}
