/** Pauses that double from 1 s, each drawn from its whole second half: a thousand agents do not come back in one moment. */
export class Backoff {
  readonly #max: number;
  readonly #random: () => number;
  #tries = 0;

  constructor(maxMs: number, random: () => number) {
    this.#max = maxMs;
    this.#random = random;
  }

  /** @param refused trying soon again is of no use */
  next(refused: boolean): number {
    const ceiling = refused ? this.#max : Math.min(this.#max, 1_000 * 2 ** Math.min(this.#tries, 16));
    this.#tries += 1;
    return Math.round(ceiling * (0.5 + 0.5 * this.#random()));
  }

  reset(): void {
    this.#tries = 0;
  }
}
