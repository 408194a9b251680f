import type { Boundary } from '@godwit/workflow';

/** What a test says to a controller's process, one message a line of its IPC channel. */
export type Order = { readonly open: ControllerOrder } | { readonly close: { readonly graceMs: number } };

export interface ControllerOrder {
  /** godwit.yaml. */
  readonly configFile: string;
  readonly databaseUrl: string;
  readonly executorId: string;
  readonly deadAfterMs: number;
  readonly heartbeatMs: number;
  /** The controller's pauses between two looks at a site, and between two tries, are multiplied by this. */
  readonly pace: number;
  readonly crashAt?: CrashPoint;
  /** Before this step begins, its job is asked to stop, by the API with this token. */
  readonly cancelAt?: { readonly step: string; readonly token: string };
}

/**
 * Where the process kills itself: the `count`-th time that a step of this name (its item left out) comes to this boundary. So each of
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
  | { readonly boundary: { readonly jobId: string; readonly workflow: string; readonly step: string; readonly boundary: Boundary } };

export const withoutItem = (step: string): string => step.replace(/\[.*\]$/, '[]');
