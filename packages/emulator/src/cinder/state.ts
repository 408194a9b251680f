import type { BackupStore } from '../storage/backup-store.ts';
import type { Sparse } from '../storage/sparse.ts';
import type { RbdImage } from './rbd-state.ts';

/** Times are milliseconds since 1970. */
interface Born {
  readonly id: string;
  readonly projectId: string;
  readonly userId: string;
  readonly createdAt: number;
  updatedAt: number | undefined;
  name: string | null;
  description: string | null;
}

export interface Volume extends Born {
  status: string;
  /** What it goes back to after `backing-up`. */
  previousStatus: string;
  /** GiB */
  size: number;
  typeId: string;
  zone: string;
  bootable: boolean;
  metadata: Record<string, string>;
  imageMetadata: Record<string, string> | undefined;
  readonly snapshotId: string | null;
  readonly sourceVolumeId: string | null;
  groupId: string | null;
  /** host@backend#pool; undefined until the scheduler has chosen. */
  host: string | undefined;
  readonlyFlag: boolean | undefined;
  multiattach: boolean;
  data: Sparse;
}

export interface Snapshot extends Born {
  readonly volumeId: string;
  status: string;
  readonly size: number;
  readonly typeId: string;
  readonly groupSnapshotId: string | null;
  metadata: Record<string, string>;
  progress: string;
  data: Sparse | undefined;
}

export interface Backup {
  readonly id: string;
  projectId: string;
  userId: string;
  createdAt: number;
  updatedAt: number | undefined;
  name: string | null;
  description: string | null;
  status: string;
  volumeId: string;
  snapshotId: string | null;
  size: number | null;
  container: string | null;
  /** Name of the driver's class: what another site's cinder-backup must have, too. */
  service: string | null;
  serviceMetadata: string | null;
  objectCount: number | null;
  failReason: string | null;
  zone: string | null;
  host: string | null;
  parentId: string | null;
  dependents: number;
  dataTimestamp: number;
  metadata: Record<string, string>;
  restoreVolumeId: string | null;
  /** Kept after deletion: an import may revive it. */
  deleted: boolean;
}

export interface Group extends Born {
  status: string;
  readonly typeId: string;
  readonly volumeTypeIds: string[];
  readonly zone: string;
  readonly groupSnapshotId: string | null;
  readonly sourceGroupId: string | null;
}

export interface GroupSnapshot extends Born {
  readonly groupId: string;
  readonly groupTypeId: string;
  status: string;
}

export interface Type {
  readonly id: string;
  name: string;
  description: string | null;
  isPublic: boolean;
  specs: Record<string, string>;
  readonly access: string[];
}

export interface Attachment {
  readonly id: string;
  readonly volumeId: string;
  readonly serverId: string;
  readonly projectId: string;
  status: 'reserved' | 'attaching' | 'attached';
  host: string | null;
  device: string | null;
  attachedAt: number | undefined;
}

export interface Service {
  readonly binary: string;
  readonly host: string;
  readonly zone: string;
  disabled: boolean;
  disabledReason: string | null;
  /** Since when the process is dead. */
  deadSince: number | undefined;
  /** Backup services: driver class and the store that it mounts. */
  readonly driver?: string;
  readonly store?: string;
}

/** What an image or LUN on the storage that Cinder does not know yet looks like. */
export interface Unmanaged {
  readonly name: string;
  readonly data: Sparse;
}

export interface CinderState {
  readonly volumes: Map<string, Volume>;
  readonly snapshots: Map<string, Snapshot>;
  readonly backups: Map<string, Backup>;
  readonly groups: Map<string, Group>;
  readonly groupSnapshots: Map<string, GroupSnapshot>;
  readonly groupTypes: Map<string, Type>;
  readonly types: Map<string, Type>;
  readonly attachments: Map<string, Attachment>;
  readonly services: Service[];
  readonly unmanaged: Map<string, Unmanaged>;
  /** What the pool of volumes keeps of its images beside their data, by name. */
  readonly rbdImages: Map<string, RbdImage>;
  readonly rbdFacts: { nextId: number; /** Copies that were given up and are gone until then, by their global id. */ readonly anew: Map<string, number>; /** Promoted by force, and locked by rbd-mirror until then. */ readonly locked: Map<string, number> };
  /** Volumes whose image has another name now: Cinder still shows them. */
  readonly rbdGone: Set<string>;
  /** By project, then resource; what is not there has the default. */
  readonly quotas: Map<string, Record<string, number>>;
  readonly quotaClass: Record<string, number>;
  readonly usage: Map<string, Record<string, number>>;
  readonly backend: { readonly name: string; readonly pool: string; capacityGib: number };
  /** Backup targets by name. They belong to no site: those of a world lie in the state of its first one. */
  readonly stores: Map<string, BackupStore>;
}

export const emptyState = (host: string): CinderState => ({
  volumes: new Map(),
  snapshots: new Map(),
  backups: new Map(),
  groups: new Map(),
  groupSnapshots: new Map(),
  groupTypes: new Map(),
  types: new Map(),
  attachments: new Map(),
  services: [
    { binary: 'cinder-scheduler', host, zone: 'nova', disabled: false, disabledReason: null, deadSince: undefined },
    { binary: 'cinder-volume', host: `${host}@ceph`, zone: 'nova', disabled: false, disabledReason: null, deadSince: undefined },
    { binary: 'cinder-backup', host, zone: 'nova', disabled: false, disabledReason: null, deadSince: undefined, driver: posixDriver, store: 'backups' },
  ],
  unmanaged: new Map(),
  rbdImages: new Map(),
  rbdFacts: { nextId: 1, anew: new Map(), locked: new Map() },
  rbdGone: new Set(),
  quotas: new Map(),
  quotaClass: {},
  usage: new Map(),
  backend: { name: 'ceph', pool: 'ceph', capacityGib: 1_000_000 },
  stores: new Map(),
});

export const posixDriver = 'cinder.backup.drivers.posix.PosixBackupDriver';
export const cephDriver = 'cinder.backup.drivers.ceph.CephBackupDriver';

export const GIB = 1024 ** 3;
