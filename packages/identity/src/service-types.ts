import type { KeyKind } from './nodes.ts';
import type { Matrix, RenderKind, Revocation, StarCheck, StarReport, StarStatus } from './schemas.ts';

export interface JobRef {
  readonly jobId: string;
}

/**
 * Use case 1 as the server offers it, to administrators: the star is nobody's project. Everything throws GodwitError. Jobs carry the labels
 * `identity` (adopt, rotate, restore, repoint, join, leave) and what they are about: `kind` (of keys), `node`, `site`.
 */
export interface IdentityService {
  status(): Promise<StarStatus>;
  /** The keys of a Keystone that runs become the star's. Left out: the first node of the first master site. */
  adopt(options: { readonly node?: string }): Promise<JobRef>;
  /** Throws GW_ROTATION_RUNNING, naming the job, while there is one. */
  rotate(kind: KeyKind): Promise<JobRef>;
  rotatePreflight(kind: KeyKind): Promise<StarReport>;
  /** The star's keys back at a node whose repository somebody has changed. */
  restore(node: string): Promise<JobRef>;
  repoint(node: string, options: { readonly to?: string; readonly seed: boolean }): Promise<JobRef>;
  join(site: string): Promise<JobRef>;
  joinPreflight(site: string): Promise<StarReport>;
  leave(site: string, options: { readonly lost: boolean }): Promise<JobRef>;
  leavePreflight(site: string, options: { readonly lost: boolean }): Promise<StarReport>;
  /** Tokens of every site at every Keystone of every other, now. */
  probe(): Promise<Matrix>;
  /** A token issued at a site and revoked: how long each site still takes it. */
  probeRevocation(from: string): Promise<Revocation>;
  render(site: string, what: RenderKind): Promise<string>;
  check(site: string): Promise<StarCheck>;

  /** Plain loops: watching, mending, scheduled rotations, probes. */
  start(): void;
  close(): Promise<void>;
}
