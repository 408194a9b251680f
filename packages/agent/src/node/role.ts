import type { Command } from '../protocol/command.ts';
import type { AgentReport, RoleName } from '../protocol/frames.ts';
import type { Problem } from '../protocol/values.ts';

/** One command as a role carries it out. What it throws goes back to the caller, coded. */
export interface Handler<A = never, R = unknown> {
  readonly command: Command<A, R>;
  /** Commands of one lane run one after the other; without a lane, at once. */
  readonly lane?: string;
  run(args: A, signal: AbortSignal): Promise<R>;
}

export const handler = <A, R>(command: Command<A, R>, lane: string | undefined, run: Handler<A, R>['run']): Handler => ({ command, ...(lane !== undefined && { lane }), run }) as unknown as Handler;

/** What an agent can do at a node of one kind: a plug-in. */
export interface Role {
  readonly name: RoleName;
  readonly handlers: readonly Handler[];
  /** Its part of the report. Quick: what it watches is watched all the time. */
  report(): AgentReport[RoleName];
  ready(): { readonly ok: boolean; readonly reasons: readonly Problem[] };
  /** @param changed to be called when something changed that a controller should hear of at once */
  start(changed: () => void): Promise<void>;
  stop(): Promise<void>;
}
