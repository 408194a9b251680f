import type { EngineOptions } from '@godwit/workflow';
import { type CrashPoint, type JobOrder, withoutItem } from './protocol.ts';

type Hook = NonNullable<EngineOptions['onBoundary']>;
type At = Parameters<Hook>[0];

export interface HoldingOptions {
  readonly tell: (at: At) => void;
  /** A job has come to where it is held. */
  readonly held: (jobId: string) => void;
  readonly cancel: (jobId: string) => Promise<void>;
  /** A job of which nothing is said yet waits at its first boundary: so none runs past its own before that is known. */
  readonly waits: boolean;
}

interface JobLife {
  order: JobOrder | undefined;
  readonly known: Promise<void>;
  readonly learn: () => void;
  seen: number;
  held: boolean;
  cancelled: boolean;
}

/**
 * Tells of every boundary, and holds each of many jobs at its own: it goes no further there, nor do its steps side by side at their next
 * boundary, until the process is killed. So one SIGKILL is a crash of every job at the boundary that was chosen for it.
 */
export class HoldingHook {
  readonly #options: HoldingOptions;
  readonly #jobs = new Map<string, JobLife>();

  constructor(options: HoldingOptions) {
    this.#options = options;
  }

  /** What is to become of jobs. */
  order(orders: Readonly<Record<string, JobOrder>>): void {
    for (const [jobId, order] of Object.entries(orders)) {
      const job = this.#job(jobId);
      job.order = order;
      job.learn();
    }
  }

  readonly hook: Hook = async (at) => {
    this.#options.tell(at);
    const job = this.#job(at.jobId);
    if (this.#options.waits) await job.known;
    if (job.held || job.order?.holdNow === true) await forever();
    const { holdAt, cancelAt } = job.order ?? {};
    if (holdAt !== undefined && isAt(holdAt, at) && ++job.seen === holdAt.count) {
      job.held = true;
      this.#options.held(at.jobId);
      await forever();
    }
    if (withoutItem(at.step) === cancelAt && at.boundary === 'before' && !job.cancelled) {
      job.cancelled = true;
      await this.#options.cancel(at.jobId);
    }
  };

  #job(jobId: string): JobLife {
    let job = this.#jobs.get(jobId);
    if (job === undefined) {
      let learn = (): void => undefined;
      const known = new Promise<void>((resolve) => {
        learn = resolve;
      });
      job = { order: undefined, known, learn, seen: 0, held: false, cancelled: false };
      this.#jobs.set(jobId, job);
    }
    return job;
  }
}

const isAt = (point: CrashPoint, at: At): boolean => at.workflow === point.workflow && withoutItem(at.step) === point.step && at.boundary === point.boundary;
const forever = (): Promise<never> => new Promise<never>(() => undefined);
