import type { CloneRequest } from './images/schemas.ts';
import type { PullRequest, PullTicket } from './images/pull.ts';
import type { Ensured, ImagePolicy, ImagePolicyInput, Rollout } from './policies/schemas.ts';
import type { ProjectRef } from '@godwit/sites';
import type { Caller } from './project.ts';
import type { QuotaPolicy, QuotaPolicyInput, QuotaReport } from './quotas/schemas.ts';
import type { Readiness, ReadinessRequest } from './readiness/schemas.ts';
import type { SyncPolicy, SyncPolicyInput, SyncReport } from './sync/schemas.ts';
import type { AddressConflict, Inventory, InventoryQuery, SiteState, UsageView, ViewQuery } from './views/schemas.ts';

export interface JobRef {
  readonly jobId: string;
}

export type Stored<T> = T & { readonly id: string };

/**
 * Use case 4 as the server offers it. Everything throws GodwitError. What another project owns is as unknown as what is not there.
 * Jobs carry the labels `project` (`<domain>/<name>`) and `kind`, those of one image `image`.
 */
export interface ResourcesService {
  cloneImage(caller: Caller, request: CloneRequest): Promise<JobRef>;
  /** What is there already is said at once. */
  ensureImage(caller: Caller, image: string, at: string, from?: string): Promise<Ensured>;
  /** Of these images, by name, those that a policy of the project says are to be at a site, and whether they come only when asked for. */
  imagesWantedAt(project: ProjectRef, images: readonly string[], at: string): Promise<readonly { readonly image: string; readonly source: string; readonly lazy: boolean }[]>;
  /** The plain copy: the target's Glance fetches from an address, with the caller's token behind it. */
  pullImage(caller: Caller, token: string, request: PullRequest, address: string | undefined): Promise<{ imageId: string; site: string; method: string }>;
  /** What a one-time address of a pull stands for; undefined: nothing, or not any more. */
  openPull(secret: string): Promise<PullTicket | undefined>;

  createImagePolicy(caller: Caller, policy: ImagePolicyInput): Promise<Stored<ImagePolicy>>;
  listImagePolicies(caller: Caller): Promise<Stored<ImagePolicy>[]>;
  deleteImagePolicy(caller: Caller, name: string): Promise<void>;
  startRollout(caller: Caller, policy: string, image: string): Promise<Rollout>;
  listRollouts(caller: Caller): Promise<Rollout[]>;
  getRollout(caller: Caller, id: string): Promise<Rollout>;
  /** Lets one more site go on, or all. */
  resumeRollout(caller: Caller, id: string, all: boolean): Promise<Rollout>;
  /** No further site is begun. */
  pauseRollout(caller: Caller, id: string): Promise<Rollout>;
  rollBack(caller: Caller, id: string): Promise<Rollout>;

  createSyncPolicy(caller: Caller, policy: SyncPolicyInput): Promise<Stored<SyncPolicy>>;
  listSyncPolicies(caller: Caller): Promise<Stored<SyncPolicy>[]>;
  deleteSyncPolicy(caller: Caller, name: string): Promise<void>;
  diffSync(caller: Caller, name: string): Promise<SyncReport>;
  applySync(caller: Caller, name: string): Promise<JobRef>;
  /** What the last audit or sync found. */
  driftOf(caller: Caller, name: string): Promise<SyncReport>;

  createQuotaPolicy(caller: Caller, policy: QuotaPolicyInput): Promise<Stored<QuotaPolicy>>;
  listQuotaPolicies(caller: Caller): Promise<Stored<QuotaPolicy>[]>;
  deleteQuotaPolicy(caller: Caller, name: string): Promise<void>;
  balanceQuota(caller: Caller, name: string, options: { readonly dryRun: boolean }): Promise<QuotaReport>;

  inventory(caller: Caller, query: InventoryQuery): Promise<Inventory>;
  addressConflicts(caller: Caller, query: ViewQuery): Promise<{ sites: SiteState[]; conflicts: AddressConflict[] }>;
  usage(caller: Caller): Promise<UsageView>;

  readiness(caller: Caller, request: ReadinessRequest): Promise<Readiness>;
  /** Begins what makes it ready, as far as that is Godwit's to do. */
  makeReady(caller: Caller, request: ReadinessRequest): Promise<{ jobs: JobRef[]; left: Readiness['missing'] }>;

  start(): void;
  close(): Promise<void>;
}
