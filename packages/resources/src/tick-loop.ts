import type { Clock } from './deps.ts';

/** A plain loop, not journaled: a turn, a pause, until it is closed. */
export class TickLoop {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #turn: (signal: AbortSignal) => Promise<void>;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  /** @param turn must not throw, and ends early once the signal is aborted */
  constructor(clock: Clock, everyMs: number, turn: (signal: AbortSignal) => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#turn = turn;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  start(): void {
    this.#running = this.#loop();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (!this.signal.aborted) {
      await this.#turn(this.signal);
      await this.#clock.sleep(this.#everyMs, this.signal).catch(() => undefined);
    }
  }
}
