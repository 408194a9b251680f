import type { Boundary } from '@godwit/workflow';

/** What a test says to a controller's process, one message a line of its IPC channel. */
export type Order = { readonly open: ControllerOrder } | { readonly jobs: Readonly<Record<string, JobOrder>> } | { readonly close: { readonly graceMs: number } };

export interface ControllerOrder {
  /** godwit.yaml. */
  readonly configFile: string;
  readonly databaseUrl: string;
  readonly executorId: string;
  readonly deadAfterMs: number;
  readonly heartbeatMs: number;
  /** The controller's pauses between two looks at a site, and between two tries, are multiplied by this. */
  readonly pace: number;
  /** As `pace`, of what it does again and again beside its jobs (fences, reconciling, health). Default: the same. */
  readonly loopPace?: number;
  /** How often the queue is looked at. Default 20. */
  readonly queuePollMs?: number;
  /** Default: `debug`, all. */
  readonly logLevel?: string;
  /** What is to become of jobs that are known already. */
  readonly jobs?: Readonly<Record<string, JobOrder>>;
  /** A job of which nothing is said yet waits at its first boundary. */
  readonly waits?: boolean;
  /** Of the tenant, to cancel jobs with by the API. */
  readonly token?: string;
}

export interface JobOrder {
  readonly holdAt?: CrashPoint;
  /** It goes no further than to its next boundary. */
  readonly holdNow?: boolean;
  /** Before this step begins, the job is asked to stop. */
  readonly cancelAt?: string;
}

/**
 * Where a job is when its controller dies: the `count`-th time that a step of this name (its item left out) comes to this boundary. So each of
 * several steps side by side is covered, whichever of them comes first.
 */
export interface CrashPoint {
  readonly workflow: string;
  /** `backup[]` for any of `backup[…]`. */
  readonly step: string;
  readonly boundary: Boundary;
  readonly count: number;
}

/** What a controller's process says. */
export type Report =
  | { readonly ready: true }
  | { readonly opened: { readonly url: string; readonly ms: number; readonly workflows: readonly string[] } }
  | { readonly failed: string }
  | { readonly closed: true }
  | { readonly held: string }
  | { readonly boundary: { readonly jobId: string; readonly workflow: string; readonly step: string; readonly boundary: Boundary } };

export const withoutItem = (step: string): string => step.replace(/\[.*\]$/, '[]');
