import type { Progress } from '@godwit/workflow';

const WINDOW_MS = 5_000;

/** Turns bytes as they pass into reports: done, of all, how fast (over the last seconds), how long it will take. */
export class Rate {
  readonly #total: number;
  readonly #now: () => number;
  readonly #marks: { at: number; done: number }[];
  #done: number;

  constructor(total: number, now: () => number, done = 0) {
    this.#total = total;
    this.#now = now;
    this.#done = done;
    this.#marks = [{ at: now(), done }];
  }

  /** Whether there is something new to tell. */
  add(bytes: number): boolean {
    this.#done += bytes;
    const at = this.#now();
    const last = this.#marks.at(-1);
    const news = last === undefined || at - last.at >= 200;
    if (news) this.#marks.push({ at, done: this.#done });
    while (this.#marks.length > 2 && at - (this.#marks[0]?.at ?? at) > WINDOW_MS) this.#marks.shift();
    return news;
  }

  /** Bytes per second; undefined until there is something to count by. */
  get perSecond(): number | undefined {
    const first = this.#marks[0];
    const ms = first === undefined ? 0 : this.#now() - first.at;
    return first === undefined || ms < 200 ? undefined : ((this.#done - first.done) * 1_000) / ms;
  }

  report(phase: string, item: string): Progress {
    const rate = this.perSecond;
    const left = rate === undefined || rate <= 0 ? undefined : Math.ceil((this.#total - this.#done) / rate);
    return {
      phase, item, done: this.#done, total: this.#total, unit: 'bytes',
      ...(rate === undefined ? {} : { message: `${(rate / 1024 ** 2).toFixed(1)} MiB/s${left === undefined ? '' : `, ${left} s left`}` }),
    };
  }
}
