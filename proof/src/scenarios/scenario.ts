import type { Api } from '../world/api.ts';
import type { EmulatedSites } from '../world/sites.ts';

/** What a scenario works on: emulated sites, and a controller's API as the tenant. */
export interface Stage {
  readonly sites: EmulatedSites;
  readonly api: Api;
  /** Waits for a job, and answers how it ended. */
  ended(jobId: string): Promise<{ readonly state: string; readonly error?: { readonly code: string } }>;
  /** Fails the scenario unless the job succeeds. */
  succeeds(jobId: string): Promise<void>;
}

/** One way in which one workflow runs. All its boundaries are tried. */
export interface Scenario {
  readonly name: string;
  readonly workflow: string;
  /** The state before; played once, every case begins from a copy of it. */
  prepare(stage: Stage): Promise<void>;
  /** Faults that are in force while the workflow runs, in every case anew. */
  faults?(stage: Pick<Stage, 'sites'>): void;
  /** Submits the job. The controller may die before it has answered. */
  submit(stage: Pick<Stage, 'api' | 'sites'>): Promise<{ readonly jobId: string }>;
  /** At this step the job is asked to stop (at its `before` boundary). */
  readonly cancelAt?: string;
  /** Steps whose boundaries are tried here, where the others are those of another scenario. Default: all. */
  only?(step: string): boolean;
  /** How an undisturbed run ends. Default `succeeded`. */
  readonly ends?: 'succeeded' | 'failed' | 'cancelled';
  /** Boundaries at which the workflow may end otherwise, as it is documented: then everything must be as before it, but for the failed point. */
  mayFail?(step: string, boundary: string): boolean;
}
