import type { Guest } from '../guests/guest.ts';
import type { Sparse } from '../storage/sparse.ts';

export interface Flavor {
  readonly id: string;
  name: string;
  vcpus: number;
  /** MiB */
  ram: number;
  /** GiB */
  disk: number;
  ephemeral: number;
  swap: number;
  isPublic: boolean;
  description: string | null;
  extraSpecs: Readonly<Record<string, string>>;
  /** Projects that may use it when it is not public. */
  access: readonly string[];
}

export interface Attached {
  readonly id: string;
  readonly volumeId: string;
  readonly attachmentId: string;
  readonly device: string;
  readonly deleteOnTermination: boolean;
  readonly tag: string | null;
}

export interface ServerPort {
  readonly id: string;
  readonly tag: string | null;
  /** Made by Nova itself, so deleted with the server. */
  readonly owned: boolean;
}

export type VmState = 'building' | 'active' | 'stopped' | 'paused' | 'error';

export interface Server {
  readonly id: string;
  name: string;
  readonly projectId: string;
  readonly userId: string;
  vmState: VmState;
  taskState: string | null;
  /** 0 none, 1 running, 3 paused, 4 shut down */
  powerState: number;
  readonly flavor: Flavor;
  readonly imageId: string | null;
  readonly created: number;
  updated: number;
  launchedAt: number | null;
  host: string | null;
  zone: string | null;
  readonly pinnedZone: string | null;
  readonly keyName: string | null;
  readonly configDrive: boolean;
  readonly userData: string | null;
  metadata: Readonly<Record<string, string>>;
  tags: readonly string[];
  description: string | null;
  hostname: string;
  locked: { readonly by: 'admin' | 'owner'; readonly reason: string | null } | null;
  fault: { readonly code: number; readonly message: string; readonly created: number } | null;
  volumes: readonly Attached[];
  ports: readonly ServerPort[];
  readonly groupId: string | null;
  readonly reservationId: string;
  /** Its root disk, when that is no volume: the image's bytes at first, with its guest's own from then on. */
  localDisk: Sparse | undefined;
  /** instance-0000000N */
  readonly number: number;
}

export interface Keypair {
  readonly name: string;
  readonly userId: string;
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly type: string;
  readonly id: number;
  readonly created: number;
}

export interface ServerGroup {
  readonly id: string;
  readonly name: string;
  readonly policy: string;
  readonly rules: Readonly<Record<string, unknown>>;
  readonly projectId: string;
  readonly userId: string;
}

export interface ComputeService {
  readonly id: string;
  readonly binary: string;
  readonly host: string;
  readonly zone: string;
  disabled: boolean;
  reason: string | null;
  forcedDown: boolean;
}

export interface NovaState {
  readonly servers: Map<string, Server>;
  readonly flavors: Map<string, Flavor>;
  /** By `user/name`. */
  readonly keypairs: Map<string, Keypair>;
  readonly groups: Map<string, ServerGroup>;
  readonly quotas: Map<string, Record<string, number>>;
  readonly services: Map<string, ComputeService>;
  readonly guests: Map<string, Guest>;
  readonly counters: { servers: number; keypairs: number };
  readonly hypervisorId: string;
}

/** Nova's own defaults. */
export const defaultQuotas: Readonly<Record<string, number>> = {
  cores: 20, instances: 10, key_pairs: 100, metadata_items: 128, ram: 51_200, server_group_members: 10, server_groups: 10,
};

export const quotaOf = (state: NovaState, projectId: string): Record<string, number> => ({ ...defaultQuotas, ...state.quotas.get(projectId) });

export interface Usage {
  instances: number;
  cores: number;
  ram: number;
}

export function usageOf(state: NovaState, projectId: string): Usage {
  const usage: Usage = { instances: 0, cores: 0, ram: 0 };
  for (const server of state.servers.values()) {
    if (server.projectId !== projectId) continue;
    usage.instances += 1;
    usage.cores += server.flavor.vcpus;
    usage.ram += server.flavor.ram;
  }
  return usage;
}
