import { EventEmitter, once } from 'node:events';
import type { Job, JobEvent, JobState, JobStore } from '@godwit/workflow';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A job store in memory, whose jobs go on only when a test says so. */
export class FakeJobs implements JobStore {
  readonly #jobs = new Map<string, Writable<Job>>();
  readonly #events: JobEvent[] = [];
  readonly #bell = new EventEmitter().setMaxListeners(0);
  #seq = 0;
  watchers = 0;
  broken = false;

  add(job: Partial<Job> & { id: string }): Job {
    const made: Writable<Job> = {
      workflow: 'protect',
      key: 'group/x',
      state: 'queued',
      input: { secret: 'workflow-private' },
      labels: {},
      createdAt: '2026-01-02T03:04:05.000Z',
      progress: [],
      steps: [],
      ...job,
    };
    this.#jobs.set(made.id, made);
    return made;
  }

  update(id: string, change: Partial<Job>): void {
    const job = this.#jobs.get(id);
    if (!job) throw new Error(`no job ${id}`);
    Object.assign(job, change);
    if (change.state !== undefined) this.emit(id, 'state', { state: change.state });
  }

  emit(jobId: string, type: JobEvent['type'], data: JobEvent['data'], step?: string): JobEvent {
    const event: JobEvent = { seq: ++this.#seq, jobId, at: '2026-01-02T03:04:06.000Z', type, data, ...(step !== undefined && { step }) };
    this.#events.push(event);
    this.#bell.emit('event');
    return event;
  }

  get(id: string): Promise<Job | undefined> {
    return Promise.resolve(this.#jobs.get(id));
  }

  list(filter: { labels?: Readonly<Record<string, string>>; state?: readonly JobState[]; limit?: number } = {}): Promise<Job[]> {
    if (this.broken) return Promise.reject(new Error('connection refused'));
    const found = [...this.#jobs.values()].filter((j) => carries(j, filter.labels) && (filter.state === undefined || filter.state.includes(j.state)));
    return Promise.resolve(found.reverse().slice(0, filter.limit));
  }

  cancel(id: string): Promise<boolean> {
    const job = this.#jobs.get(id);
    if (!job || ['succeeded', 'failed', 'cancelled'].includes(job.state)) return Promise.resolve(false);
    this.update(id, { state: 'cancelling' });
    return Promise.resolve(true);
  }

  events(filter: { jobId?: string; labels?: Readonly<Record<string, string>>; after?: number; limit?: number }): Promise<JobEvent[]> {
    return Promise.resolve(this.#events.filter((e) => this.#matches(e, filter)).slice(0, filter.limit));
  }

  async *watch(filter: { jobId?: string; labels?: Readonly<Record<string, string>>; after?: number }, signal: AbortSignal): AsyncIterable<JobEvent> {
    let after = filter.after ?? this.#seq;
    this.watchers += 1;
    try {
      while (!signal.aborted) {
        const ring = once(this.#bell, 'event', { signal }).catch(() => undefined);
        for (const event of await this.events({ ...filter, after })) {
          after = event.seq;
          yield event;
        }
        if (this.#seq === after || (await this.events({ ...filter, after })).length === 0) await ring;
      }
    } finally {
      this.watchers -= 1;
    }
  }

  prune(): Promise<number> {
    return Promise.resolve(0);
  }

  #matches(event: JobEvent, filter: { jobId?: string; labels?: Readonly<Record<string, string>>; after?: number }): boolean {
    const job = this.#jobs.get(event.jobId);
    return event.seq > (filter.after ?? 0) && (filter.jobId === undefined || filter.jobId === event.jobId) && job !== undefined && carries(job, filter.labels);
  }
}

const carries = (job: Job, labels: Readonly<Record<string, string>> = {}): boolean => Object.entries(labels).every(([k, v]) => job.labels[k] === v);
