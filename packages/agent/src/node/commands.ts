import { AgentError } from '../protocol/errors.ts';
import type { WireError } from '../protocol/frames.ts';
import type { Handler } from './role.ts';

const mostWaiting = 32;

/** Runs commands: one after the other in each lane, within their time, with arguments as agreed. */
export class Commands {
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #lanes = new Map<string, Promise<unknown>>();
  #waiting = 0;

  constructor(handlers: readonly Handler[]) {
    this.#handlers = new Map(handlers.map((h) => [h.command.name, h]));
  }

  /** Rejects with an AgentError, whatever goes wrong. */
  async run(name: string, args: unknown, timeoutMs: number, cancelled: AbortSignal): Promise<unknown> {
    const handler = this.#handlers.get(name);
    if (!handler) throw new AgentError('GW_AGENT_COMMAND', 'terminal', `this agent has no command ${name}`, { action: 'Bring the agent to the controller’s version; see which role it was enrolled with.' });
    const parsed = handler.command.args.safeParse(args);
    if (!parsed.success) {
      // Where, not what: an argument may be a key.
      const where = parsed.error.issues.slice(0, 3).map((i) => i.path.slice(0, 2).map(String).join('.') || 'arguments').join(', ');
      throw new AgentError('GW_AGENT_COMMAND', 'terminal', `the arguments of ${name} are not as agreed (${where.slice(0, 200)})`);
    }
    if (this.#waiting >= mostWaiting) throw new AgentError('GW_AGENT_BUSY', 'retryable', `${mostWaiting} commands are waiting at this agent`);
    this.#waiting += 1;
    try {
      return await this.#inLane(handler.lane, async () => {
        const signal = AbortSignal.any([cancelled, AbortSignal.timeout(timeoutMs)]);
        signal.throwIfAborted();
        return await handler.run(parsed.data as never, signal);
      });
    } catch (error) {
      throw error instanceof AgentError ? error : new AgentError('GW_AGENT_FAILED', 'retryable', `${name} failed: ${(error as Error).message.slice(0, 500)}`, { cause: error });
    } finally {
      this.#waiting -= 1;
    }
  }

  #inLane<T>(lane: string | undefined, work: () => Promise<T>): Promise<T> {
    if (lane === undefined) return work();
    const mine = (this.#lanes.get(lane) ?? Promise.resolve()).then(work, work);
    this.#lanes.set(lane, mine.catch(() => undefined));
    return mine;
  }
}

export const toWire = ({ code, kind, message, action }: AgentError): WireError => ({ code, kind, message: message.slice(0, 2000), ...(action !== undefined && { action: action.slice(0, 2000) }) });
