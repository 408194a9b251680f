import { AsyncLocalStorage } from 'node:async_hooks';
import type { StepLife } from './step-life.ts';
import { WorkflowError } from './errors.ts';

/** Both clocks: the one that never jumps stands still while a virtual machine is suspended, the other may be set. */
export interface Clocks {
  readonly steady: () => number;
  readonly wall: () => number;
}

const systemClocks: Clocks = { steady: () => performance.now(), wall: () => Date.now() };

/**
 * For how long this controller may believe that its jobs are its own without looking again. Others take them only when its signs of life
 * have stood still for deadAfterMs, so for a little less than that after each sign nobody has. A process that was stopped (SIGSTOP, a
 * suspended machine, a long pause of any kind) finds it expired when it goes on, and changes nothing before it has looked.
 */
export class Lease {
  readonly #lengthMs: number;
  readonly #clocks: Clocks;
  #until = { steady: -Infinity, wall: -Infinity };
  #renewed: (() => void)[] = [];

  constructor(deadAfterMs: number, clocks: Clocks = systemClocks) {
    // What is sent in the last moment must have arrived before anybody else may begin.
    this.#lengthMs = deadAfterMs * 0.8;
    this.#clocks = clocks;
  }

  /** To be called before the sign of life is given: the lease counts from there. Returns what renews it. */
  begin(): () => void {
    const until = { steady: this.#clocks.steady() + this.#lengthMs, wall: this.#clocks.wall() + this.#lengthMs };
    return () => {
      this.#until = until;
      for (const resolve of this.#renewed.splice(0)) resolve();
    };
  }

  get valid(): boolean {
    const left = this.#until.wall - this.#clocks.wall();
    // More than its whole length: the clock was set back, and says nothing.
    return this.#clocks.steady() < this.#until.steady && left > 0 && left <= this.#lengthMs;
  }

  /** Settles when it is renewed, or the signal is aborted. */
  next(signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        for (const signal of signals) signal.removeEventListener('abort', done);
        resolve();
      };
      this.#renewed.push(done);
      for (const signal of signals) {
        if (signal.aborted) done();
        else signal.addEventListener('abort', done, { once: true });
      }
    });
  }
}

interface Scope {
  readonly jobId: string;
  readonly lease: Lease;
  readonly life: StepLife;
  readonly lost: () => boolean;
}

const scopes = new AsyncLocalStorage<Scope>();

export function withScope<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
  return scopes.run(scope, work);
}

/**
 * To be awaited before every change to the world outside that a step makes: resolves when this controller surely still has the job,
 * waits while it cannot know (its database is away), and throws GW_JOB_TAKEN_OVER when another has it. Outside of steps it does nothing.
 */
export async function stillOurs(signal?: AbortSignal): Promise<void> {
  const scope = scopes.getStore();
  if (scope === undefined) return;
  const { life, lease, lost, jobId } = scope;
  for (;;) {
    signal?.throwIfAborted();
    if (life.ended === 'lost' || lost()) throw takenOver(jobId);
    if (life.ended === 'halted') throw new WorkflowError({ code: 'GW_ENGINE_STOPPING', kind: 'retryable', message: 'The controller is stopping; the job goes on at the next start.' });
    if (lease.valid) return;
    await lease.next(signal === undefined ? [life.signal] : [life.signal, signal]);
    // A cancelled step may go on to clean up behind itself: only the lease is waited for then.
    if (life.signal.aborted && life.ended === undefined && !lease.valid) await lease.next(signal === undefined ? [] : [signal]);
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What OpenStack's services take as a request's global id (`req-` and a UUID), made of the job whose step asks; undefined outside of steps. */
export function globalRequestId(): string | undefined {
  const jobId = scopes.getStore()?.jobId;
  return jobId !== undefined && uuid.test(jobId) ? `req-${jobId}` : undefined;
}

export const takenOver = (jobId: string): WorkflowError => new WorkflowError({ code: 'GW_JOB_TAKEN_OVER', kind: 'terminal', message: `Job ${jobId} was taken over by another controller.` });
