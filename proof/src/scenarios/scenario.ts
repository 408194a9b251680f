import type { Api } from '../world/api.ts';
import type { EmulatedSites } from '../world/sites.ts';
import type { Unit } from '../world/unit.ts';

/** What a scenario works on: emulated sites, and a controller's API as the tenant. */
export interface Stage {
  readonly sites: EmulatedSites;
  readonly api: Api;
  /** As an administrator of the tenant's project. */
  readonly admin: Api;
  /** Waits for a job, and answers how it ended. */
  ended(jobId: string): Promise<{ readonly state: string; readonly error?: { readonly code: string } }>;
  /** Fails the scenario unless the job succeeds. */
  succeeds(jobId: string): Promise<void>;
}

/** A state that scenarios begin from. Prepared once, for many units side by side; each case begins from a copy of it. */
export interface Beginning {
  readonly name: string;
  /** It needs sites and a database of its own, or such as others of this word have: what other beginnings leave there would change how its jobs run. */
  readonly apart?: string;
  /** How many of its ground may be played at once, where that is less than others bear. */
  readonly atOnce?: number;
  /** Makes what one unit's job will work on, with the unit's name in all names. */
  prepare(stage: Stage, unit: Unit): Promise<void>;
}

/** One way in which one workflow runs. All its boundaries are tried, each by the job of a unit of its own. */
export interface Scenario {
  readonly name: string;
  readonly workflow: string;
  /** The same object for scenarios that begin alike: it is prepared once for all of them. */
  readonly from: Beginning;
  /** Submits the unit's job. */
  submit(stage: Pick<Stage, 'api' | 'sites'>, unit: Unit): Promise<{ readonly jobId: string }>;
  /** Faults of this job alone, in force from before its first step: matched by the unit's names, or by the job's requests (`req-JOBID` is their global request id). */
  faults?(stage: Pick<Stage, 'sites'>, unit: Unit, jobId: string): void;
  /** Faults that befall everything at the sites: the scenario is then played by itself. */
  outage?(stage: Pick<Stage, 'sites'>): void;
  /** Before this step (`boot[]`: the first of all `boot[…]`) the job is asked to stop (at its `before` boundary). */
  readonly cancelAt?: string;
  /** The job does what holds for all units, unless another has: its changes are tried apart from its boundaries, before any has come so far. */
  readonly forAll?: boolean;
  /** Steps whose boundaries are tried here, where the others are those of another scenario. Default: all. */
  only?(step: string): boolean;
  /** How an undisturbed run ends. Default `succeeded`. */
  readonly ends?: 'succeeded' | 'failed' | 'cancelled';
  /** Boundaries at which the workflow may end otherwise, as it is documented: then everything must be as before it, but for the failed point. */
  mayFail?(step: string, boundary: string): boolean;
}
