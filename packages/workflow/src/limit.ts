export interface Place {
  /** Resolves when the holder may begin. */
  readonly turn: Promise<void>;
  /** May be called at any time, and again. */
  leave(): void;
}

/** At most `size` holders at once, in the order of asking. */
export class Limit {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = Math.max(1, size);
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }

  /** A place in the order of asking, for who does not know yet whether it will be needed. */
  take(): Place {
    const turn = this.acquire();
    let left = false;
    return {
      turn,
      leave: () => {
        if (left) return;
        left = true;
        void turn.then(() => { this.release(); });
      },
    };
  }
}
