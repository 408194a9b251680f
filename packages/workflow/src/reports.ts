import type { Json, Progress } from './types.ts';

export interface ReportSink {
  progress(step: string, p: Progress): Promise<void>;
  log(step: string, message: string, data: Json | undefined): Promise<void>;
}

const INTERVAL_MS = 250;
const BACKLOG = 1_000;

/**
 * Progress and log lines of one step on their way to the database: written in order, one at a time; of each item's progress at
 * most four a second, and always the last. A report that cannot be written is dropped: it must never fail the work.
 */
export class Reports {
  readonly #sink: ReportSink;
  readonly #step: string;
  readonly #onError: (e: unknown) => void;
  readonly #now: () => number;
  readonly #latest = new Map<string, Progress>();
  readonly #writtenAt = new Map<string, number>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #chain: Promise<void> = Promise.resolve();
  #backlog = 0;
  #closed = false;

  constructor(sink: ReportSink, step: string, onError: (e: unknown) => void, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#step = step;
    this.#onError = onError;
    this.#now = now;
  }

  progress(p: Progress): void {
    if (this.#closed) return;
    const item = p.item ?? '';
    this.#latest.set(item, p);
    if (this.#timers.has(item)) return;
    const waitMs = (this.#writtenAt.get(item) ?? -Infinity) + INTERVAL_MS - this.#now();
    if (waitMs <= 0) this.#write(item);
    else this.#timers.set(item, setTimeout(() => { this.#write(item); }, waitMs).unref());
  }

  log(message: string, data?: Json): void {
    if (this.#closed || this.#backlog >= BACKLOG) return;
    this.#queue(() => this.#sink.log(this.#step, message, data));
  }

  /** Writes what is pending; afterwards nothing is taken any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const item of [...this.#latest.keys()]) this.#write(item);
    await this.#chain;
  }

  #write(item: string): void {
    clearTimeout(this.#timers.get(item));
    this.#timers.delete(item);
    const p = this.#latest.get(item);
    if (p === undefined) return;
    this.#latest.delete(item);
    this.#writtenAt.set(item, this.#now());
    this.#queue(() => this.#sink.progress(this.#step, p));
  }

  #queue(write: () => Promise<void>): void {
    this.#backlog++;
    this.#chain = this.#chain.then(write).catch(this.#onError).finally(() => { this.#backlog--; });
  }
}
