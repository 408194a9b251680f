/** What the services of a site ask of each other, beside their HTTP APIs. Each service puts its part into `site.parts`. */

import type { Sparse } from './storage/sparse.ts';

/** A valid token, as the services' middleware sees it. */
export interface TokenContext {
  readonly userId: string;
  readonly userName: string;
  readonly projectId: string | undefined;
  readonly projectName: string | undefined;
  readonly domainId: string | undefined;
  /** Scoped to the whole system. */
  readonly system: boolean;
  /** With those that they imply. */
  readonly roles: readonly string[];
  readonly admin: boolean;
  readonly reader: boolean;
  readonly member: boolean;
}

export interface IdentityPart {
  /** undefined: Keystone does not accept it. */
  authenticate(token: string): TokenContext | undefined;
  /** By id. */
  project(id: string): { readonly id: string; readonly name: string; readonly domainId: string } | undefined;
  /** By name, in the domain Default. */
  projectNamed(name: string): { readonly id: string } | undefined;
  userNamed(name: string): { readonly id: string } | undefined;
}

/** Bytes of a volume, sparse. */
export interface Contents {
  /** Bytes. */
  readonly size: number;
  /** Holes read as zeros. */
  read(offset: number, length: number): Buffer;
  write(offset: number, bytes: Uint8Array): void;
}

export interface VolumeFacts {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  /** GiB */
  readonly size: number;
  /** As the API shows it: `available`, `in-use`, … */
  readonly status: string;
  readonly bootable: boolean;
  readonly type: string;
  readonly availabilityZone: string;
  readonly imageMetadata: Readonly<Record<string, string>>;
}

export interface VolumeSource {
  readonly from: 'blank' | 'image' | 'snapshot';
  readonly id?: string;
}

/** Cinder, for Nova. Throws ApiError as its own API answers. */
export interface VolumesPart {
  get(id: string): VolumeFacts | undefined;
  /** As POST /volumes; `ready` is called once, when it is available or in error. */
  create(wanted: { projectId: string; userId: string; name: string; size?: number; type?: string; source: VolumeSource }, ready: (volume: VolumeFacts) => void): string;
  /** available -> reserved. @returns the attachment's id */
  reserve(volumeId: string, serverId: string): string;
  /** reserved -> in-use, at once. */
  attach(volumeId: string, attachment: { readonly attachmentId: string; readonly serverId: string; readonly host: string; readonly device: string }): void;
  /** -> available, at once; one that is not attached there is left alone. */
  detach(volumeId: string, serverId: string): void;
  delete(volumeId: string): void;
  /** As POST /snapshots with force. `ready` when available or in error. */
  snapshot(volumeId: string, wanted: { name: string; description?: string }, ready: (status: string) => void): string;
  contents(volumeId: string): Contents | undefined;
}

export interface PortFacts {
  readonly id: string;
  readonly projectId: string;
  readonly networkId: string;
  readonly mac: string;
  readonly fixedIps: readonly { readonly subnet_id: string; readonly ip_address: string }[];
  readonly status: string;
  readonly deviceId: string;
  readonly deviceOwner: string;
  /** `vnic_type`, as binding:vnic_type. */
  readonly vnicType: string;
  readonly securityGroups: readonly string[];
}

/** Neutron, for Nova. Throws ApiError as its own API answers. */
export interface PortsPart {
  get(id: string): PortFacts | undefined;
  ofDevice(serverId: string): readonly PortFacts[];
  network(id: string): { readonly id: string; readonly name: string; readonly projectId: string; readonly shared: boolean } | undefined;
  /** Networks that servers of a project may use without naming one. */
  networksOf(projectId: string): readonly { readonly id: string; readonly name: string }[];
  create(wanted: { projectId: string; networkId: string; fixedIp?: string; securityGroups?: readonly string[]; deviceId: string }): string;
  /** Port of a server on a host; turns ACTIVE a little later, by the L2 agent. */
  bind(portId: string, binding: { readonly deviceId: string; readonly deviceOwner: string; readonly host: string }): void;
  unbind(portId: string): void;
  delete(portId: string): void;
  /** Names of security groups, as servers show them. */
  securityGroupName(id: string): string | undefined;
}

export interface ImageFacts {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly status: string;
  readonly visibility: string;
  /** Bytes. */
  readonly size: number;
  /** GiB, MiB */
  readonly minDisk: number;
  readonly minRam: number;
  readonly properties: Readonly<Record<string, string>>;
}

/** Glance, for Nova and Cinder. */
export interface ImagesPart {
  get(id: string): ImageFacts | undefined;
  /** Nova's createImage: an image of no bytes, `active` at once when the bytes are empty. */
  create(wanted: { projectId: string; name: string; properties: Readonly<Record<string, string>>; minDisk?: number; status: 'queued' | 'active' }): string;
  update(id: string, change: { readonly status?: 'active' | 'error'; readonly properties?: Readonly<Record<string, string>> }): void;
  /** Nova has copied a disk into it: it is active, in this format, with what is used of the disk. One that was deleted meanwhile stays so. */
  fill(id: string, disk: Sparse, diskFormat: string): void;
  /** The image's data; undefined when it has none. */
  contents(id: string): Contents | undefined;
}

/** Nova, for the others. */
export interface ServersPart {
  get(id: string): { readonly id: string; readonly name: string; readonly projectId: string; readonly host: string; readonly status: string } | undefined;
  /** Cinder or an administrator took a port or volume away. */
  lostPort(serverId: string, portId: string): void;
}

/** The guests' writers, for whoever reads or copies a volume's contents. */
export interface GuestsPart {
  /** Everything that a guest has written up to now is in the volume's contents. Call it before reading, snapshotting or deleting. */
  flush(volumeId: string): void;
  /** Of a volume, or of the root disk of a server that is no volume (the `localDisk` of its row). */
  contents(diskId: string): Contents | undefined;
}

/** Filled by the services' createState; asking for one that is not there is a mistake of the program. */
export interface SiteParts {
  identity?: IdentityPart;
  volumes?: VolumesPart;
  ports?: PortsPart;
  images?: ImagesPart;
  servers?: ServersPart;
  guests?: GuestsPart;
}
