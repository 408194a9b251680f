import type { ProjectRef } from '@godwit/sites';
import type { Advice, Group, GroupChange, GroupSpec, QuiesceResult, RebuildResult, RecoveryPoint, Report, VerifyResult } from './schemas.ts';

/** Who asks: made by the server from a validated Keystone token. */
export interface Caller {
  readonly userId: string;
  readonly userName: string;
  /** Left out for tokens without a project; such callers see nothing of any project unless admin. */
  readonly project?: ProjectRef;
  /** May act on every project. */
  readonly admin: boolean;
}

export interface JobRef {
  readonly jobId: string;
}

/**
 * Use case 3 as the server offers it. Everything throws GodwitError. A group or point that the caller's project does not own is
 * GW_GROUP_UNKNOWN / GW_POINT_UNKNOWN, as one that is not there: nothing of other projects leaks.
 * Jobs carry the labels `group` (id), `groupName`, `project` (`<domain>/<name>`), `kind`.
 */
export interface ProtectionService {
  createGroup(caller: Caller, spec: GroupSpec): Promise<Group>;
  /** By name. `after`: id of the last one of the page before. */
  listGroups(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<Group[]>;
  /** By id or name. */
  getGroup(caller: Caller, group: string): Promise<Group>;
  /** Another method or retention, from the next recovery point on. Points that there are stay, and are recovered as they were made. */
  changeGroup(caller: Caller, group: string, change: GroupChange): Promise<Group>;
  /** Forgets the group; with `purge` its recovery points too (backups and manifests at both sites), as a job. */
  deleteGroup(caller: Caller, group: string, options: { purge: boolean }): Promise<JobRef | undefined>;

  /** All that can be seen to be missing, checked now; changes nothing, so the backup target is not proved by it. */
  preflight(caller: Caller, group: string): Promise<Report>;
  /** Which methods the group can use now, why not the others, and what is to be expected of them by what was measured. */
  advise(caller: Caller, group: string): Promise<Advice>;
  protect(caller: Caller, group: string): Promise<JobRef>;

  listPoints(caller: Caller, group: string): Promise<RecoveryPoint[]>;
  getPoint(caller: Caller, point: string): Promise<RecoveryPoint>;
  verifyPoint(caller: Caller, point: string, options: { restore: boolean }): Promise<VerifyResult | JobRef>;

  /** Could this recovery run there now? Changes nothing. */
  recoverPreflight(caller: Caller, group: string, options: { to: string; point?: string; planned?: boolean }): Promise<Report>;
  /**
   * @param options.planned the site it leaves hands its storage over: nothing is lost (method replication)
   * @param options.sourceIsDown the caller vouches that nothing of the group runs at the site it leaves, though that site answers
   */
  recover(caller: Caller, group: string, options: { to: string; point?: string; sourceIsDown?: boolean; planned?: boolean }): Promise<JobRef>;
  /**
   * Of method replication, after an unplanned recovery: gives up what the images at the site where the group does not run hold, and copies them
   * anew from where it runs. Never done unasked. @param options.keep a copy of what is given up stays at that site
   */
  resync(caller: Caller, group: string, options: { keep: boolean }): Promise<JobRef>;

  /** Reads the manifests that lie at a site into the catalogue. Idempotent. Only groups of the caller's project, or all for admin. */
  rebuildCatalog(caller: Caller, site: string): Promise<RebuildResult>;

  quiesceServer(caller: Caller, site: string, server: string, options: { limitSeconds: number }): Promise<QuiesceResult>;
  unquiesceServer(caller: Caller, site: string, server: string): Promise<QuiesceResult>;

  /** Plain loops (fencing of returned sites). */
  start(): void;
  close(): Promise<void>;
}
