import type { Site } from '@godwit/sites';
import type { StepContext, WorkflowContext } from '@godwit/workflow';
import type { CinderDeps } from '../cinder/group.ts';
import type { Deps } from '../deps.ts';
import type { ServerRecord, VolumeRecord } from '../inventory/types.ts';
import type { Check } from '../preflight/findings.ts';
import type { Prepared } from '../protect/prepare.ts';
import type { ProtectDeps, ProtectInput } from '../protect/workflow.ts';
import type { RecoveryPlan } from '../recover/assess.ts';
import type { Replica } from '../replication/types.ts';
import type { BegunReplica } from './replication/enable.ts';
import type { Consistency, Finding, Group, MethodName, PointImage, RecoveryPoint } from '../schemas.ts';

/**
 * What makes a way of protecting: how a point's moment is caught at the source site, how its data comes to lie at the recovery site, how
 * that becomes disks again. All the rest is shared: preflight of members and sites, freeze, backups and chains, manifest, epoch and
 * fence, ports and boot, retention. A group may change its method at any time: a point is handled by the one that made it.
 */
export interface Method {
  readonly name: MethodName;
  /** Of what a point shows one moment, at best: of all members, or of each for itself. */
  readonly moment: 'group' | 'server';
  /** Its data goes through Cinder's backups: quotas, the backup target and chains are looked at. */
  readonly backsUp: boolean;
  /** What a point of these servers will be, at best. */
  consistency(servers: readonly ServerRecord[]): Consistency;
  /** What could keep these members from being protected by it, at the site where they run. The recovery site's checks are made beside. */
  checks(o: MethodChecks): Check[];
  /** How a point's moment is caught, in words. */
  plan(group: Group, servers: readonly ServerRecord[]): string[];
  /** Before anything of the point is made. Its answer is kept in the journal. */
  prepare(deps: CinderDeps, group: Group, volumes: readonly VolumeRecord[], say: (phase: string) => void, all: Deps): Promise<MethodState>;
  /** The moment. Its steps have names of its own in the journal, and undo what they made. */
  capture(ctx: WorkflowContext, making: Making): Promise<Capture>;
  /** Brings over what no backup holds. */
  carry(ctx: WorkflowContext, making: Making, capture: Capture): Promise<Carried>;
  /** Deletes what only the backups were made from. */
  release(ctx: WorkflowContext, making: Making): Promise<void>;
  /** Deletes what a point that failed may have left at its source site. Finding nothing is success. */
  cleanUp(deps: Deps, group: Group, point: RecoveryPoint, signal: AbortSignal): Promise<void>;
  readonly store: PointStore;
}

/** How a point's data lies at its recovery site. */
export interface PointStore {
  /** Its volumes may be touched only when the site that is left has been fenced, or is known to be lost. */
  readonly afterFence?: boolean;
  /** Is all of it there, whole? Changes nothing. */
  checks(deps: Deps, group: Pick<Group, 'id' | 'project'>, point: PointData): Check[];
  /** Instead of a restore to a scratch volume: proves the data of one volume to its last byte. What it finds is wrong. */
  prove?(deps: Deps, group: Group, point: RecoveryPoint, volume: RecoveryPoint['volumes'][number], s: StepContext): Promise<Finding[]>;
  /** Makes one volume of it, with the old name, metadata and place in its server. Run twice, it finds what it made. */
  restoreVolume(deps: Deps, plan: RecoveryPlan, record: VolumeRecord, s: StepContext): Promise<RestoredVolume>;
  /** Undo, after the servers are gone. */
  deleteRestored(deps: Deps, plan: RecoveryPlan, s: StepContext): Promise<void>;
  /** Deletes the point's data at both sites; the catalogue still has the point. */
  remove(deps: Deps, group: Group, point: RecoveryPoint, signal: AbortSignal): Promise<void>;
}

export type PointData = Pick<RecoveryPoint, 'id' | 'recoverySite' | 'volumes' | 'images'>;

export interface RestoredVolume {
  readonly originId: string;
  readonly id: string;
}

export interface MethodChecks {
  readonly deps: Deps;
  readonly site: Site;
  readonly group: Group;
  readonly servers: readonly ServerRecord[];
}

export interface MethodState {
  /** Cinder's volume group; empty where none is needed. */
  readonly cinderGroupId: string;
  /** Of replication: the copies that follow the volumes. */
  readonly replicas?: readonly BegunReplica[];
}

/** What lies at the recovery site beside backups. */
export interface Carried {
  readonly images: readonly PointImage[];
  /** By volume id. */
  readonly replicas?: Readonly<Record<string, Replica>>;
}

/** One protect under way. */
export interface Making {
  readonly deps: ProtectDeps;
  readonly input: ProtectInput;
  readonly prepared: Prepared;
}

export interface Capture {
  /** ISO 8601: nothing that was written before it is missing in any of the disks. */
  readonly frozenAt: string;
  /** Longest time for which a guest stood still. */
  readonly windowMs: number;
  /** Of it, the snapshots themselves. */
  readonly snapshotMs: number;
  /** Snapshot id by volume id. */
  readonly snapshots: Readonly<Record<string, string>>;
  /** Image at the source site, by server id, of servers whose root is no volume. */
  readonly images?: Readonly<Record<string, string>>;
  /** Of replication: the mirror snapshot that carries the point, by volume id. */
  readonly ships?: Readonly<Record<string, number>>;
}
