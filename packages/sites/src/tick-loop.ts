import { setMaxListeners } from 'node:events';

interface Clock {
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A plain loop, not journaled: a turn, a pause (which `wake` cuts short), until it is closed. */
export class TickLoop {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #turn: (signal: AbortSignal) => Promise<void>;
  readonly #stop = new AbortController();
  #pause = new AbortController();
  #woken = false;
  #running: Promise<void> | undefined;

  /** @param turn must not throw, and ends early once the signal is aborted */
  constructor(clock: Clock, everyMs: number, turn: (signal: AbortSignal) => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#turn = turn;
    // Each request of a turn listens to it while it is under way.
    setMaxListeners(0, this.#stop.signal);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  start(): void {
    this.#running = this.#loop();
  }

  /** The next turn begins at once; if one is under way, another follows it. */
  wake(): void {
    this.#woken = true;
    this.#pause.abort();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#pause.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#woken = false;
      this.#pause = new AbortController();
      await this.#turn(signal);
      if (!this.#woken && !signal.aborted) await this.#clock.sleep(this.#everyMs, this.#pause.signal).catch(() => undefined);
    }
  }
}
