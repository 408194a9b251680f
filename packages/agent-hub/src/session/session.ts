import type { AgentReport, Command, FromAgent, RoleName } from '@godwit/agent';
import { GodwitError } from '@godwit/sites';
import type { Wire } from './wire.ts';

const mostCalls = 64;
/** Beyond the command's own time: for the way. */
const graceMs = 5_000;

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: GodwitError) => void;
}

export interface SessionAgent {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly role: RoleName;
  /** Of the certificate that it came with. */
  readonly certificate: { readonly sha256: string; readonly expiresAt: Date };
  /** It came with an expired certificate, and may only have it renewed. */
  readonly expired: boolean;
}

export interface LastReport {
  readonly report: AgentReport;
  readonly receivedAt: Date;
  readonly skewMs: number;
}

/** An agent that is connected to this controller. */
export class Session {
  readonly agent: SessionAgent;
  readonly wire: Wire;
  last: LastReport | undefined;
  onReport: (last: LastReport) => void = () => undefined;
  onRenew: (csr: string) => void = () => undefined;
  readonly #calls = new Map<number, Pending>();
  readonly #now: () => Date;
  #nextId = 1;
  #closed = false;

  constructor(agent: SessionAgent, wire: Wire, now: () => Date) {
    this.agent = agent;
    this.wire = wire;
    this.#now = now;
  }

  take(frame: FromAgent): void {
    switch (frame.t) {
      case 'report': {
        const at = this.#now();
        // A frame may be cut short by nobody, but an agent may be of another role than its certificate says.
        this.last = { report: frame.report, receivedAt: at, skewMs: clamp(Date.parse(frame.report.at) - at.getTime()) };
        return this.onReport(this.last);
      }
      case 'result':
        return this.#settle(frame.id, (p) => p.resolve(frame.value));
      case 'error': {
        const { code, kind, message, action } = frame.error;
        const known = /^GW_[A-Z_]+$/.test(code) ? (code as `GW_${string}`) : 'GW_AGENT_FAILED';
        return this.#settle(frame.id, (p) => p.reject(this.#error(known, kind, message, action)));
      }
      case 'renew':
        return this.onRenew(frame.csr);
      case 'ping':
        return;
      case 'hello':
      case 'enrol':
        throw new GodwitError('GW_AGENT_PROTOCOL', 'terminal', 'a message out of turn');
    }
  }

  async call<A, R>(command: Command<A, R>, args: A, signal?: AbortSignal): Promise<R> {
    if (this.#calls.size >= mostCalls) throw this.#error('GW_AGENT_BUSY', 'retryable', `${mostCalls} commands are under way`);
    signal?.throwIfAborted();
    const id = this.#nextId++;
    const timeout = AbortSignal.timeout(command.timeoutMs + graceMs);
    const value = await new Promise<unknown>((resolve, reject) => {
      const stop = (): void => {
        this.#calls.delete(id);
        this.wire.send({ t: 'cancel', id });
        reject(signal?.aborted === true ? (signal.reason as Error) : this.#error('GW_AGENT_NO_ANSWER', 'retryable', `no answer to ${command.name} within ${(command.timeoutMs + graceMs) / 1_000} s`));
      };
      const clear = (): void => {
        timeout.removeEventListener('abort', stop);
        signal?.removeEventListener('abort', stop);
      };
      timeout.addEventListener('abort', stop, { once: true });
      signal?.addEventListener('abort', stop, { once: true });
      this.#calls.set(id, { resolve: (v) => (clear(), resolve(v)), reject: (e) => (clear(), reject(e)) });
      if (this.#closed || !this.wire.send({ t: 'call', id, command: command.name, args, timeoutMs: command.timeoutMs })) this.#settle(id, (p) => p.reject(this.#gone()));
    });
    const parsed = command.result.safeParse(value);
    if (parsed.success) return parsed.data as R;
    throw this.#error('GW_AGENT_PROTOCOL', 'terminal', `the answer to ${command.name} is not as agreed`, 'Bring the agent to the controller’s version.');
  }

  /** After the connection has ended. */
  closed(): void {
    this.#closed = true;
    for (const id of [...this.#calls.keys()]) this.#settle(id, (p) => p.reject(this.#gone()));
  }

  #settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.#calls.get(id);
    this.#calls.delete(id);
    // An answer to what was given up comes too late, and is no error.
    if (pending) how(pending);
  }

  #gone(): GodwitError {
    return this.#error('GW_AGENT_AWAY', 'waiting', 'the connection was lost before it answered', 'Look at the node and at the network to it; the agent comes back by itself.');
  }

  #error(code: `GW_${string}`, kind: 'terminal' | 'retryable' | 'waiting', message: string, action?: string): GodwitError {
    const { name, site } = this.agent;
    return new GodwitError(code, kind, `agent ${name}: ${message}`, { site, resource: `agent ${name}`, ...(action !== undefined && { action }) });
  }
}

/** Into a 32-bit integer of the database: a clock that is off by more than 24 days is off. */
const clamp = (ms: number): number => (Number.isFinite(ms) ? Math.max(-2_147_483_647, Math.min(2_147_483_647, Math.round(ms))) : 2_147_483_647);
