/** So many at once, so many a second from then on. */
export class Rate {
  readonly #burst: number;
  readonly #perMs: number;
  readonly #now: () => number;
  #left: number;
  #at: number;

  constructor(burst: number, perSecond: number, now: () => number = () => performance.now()) {
    this.#burst = burst;
    this.#perMs = perSecond / 1_000;
    this.#now = now;
    this.#left = burst;
    this.#at = now();
  }

  /** False: too many. */
  take(): boolean {
    const at = this.#now();
    this.#left = Math.min(this.#burst, this.#left + (at - this.#at) * this.#perMs);
    this.#at = at;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
