import type * as z from 'zod/mini';

/**
 * A command of a role, as both sides know it. The agent checks the arguments before it acts, the hub the result before it believes it.
 * Commands of one agent run one after the other; each may be sent twice.
 */
export interface Command<A = unknown, R = unknown> {
  /** `ROLE.VERB` */
  readonly name: string;
  readonly args: z.ZodMiniType<A>;
  readonly result: z.ZodMiniType<R>;
  /** How long the caller waits for the answer; the agent gives up the work then, too. */
  readonly timeoutMs: number;
}

export function defineCommand<A extends z.ZodMiniType, R extends z.ZodMiniType>(name: string, args: A, result: R, timeoutMs: number): Command<z.input<A>, z.infer<R>> {
  return { name, args: args as unknown as z.ZodMiniType<z.input<A>>, result: result as unknown as z.ZodMiniType<z.infer<R>>, timeoutMs };
}
