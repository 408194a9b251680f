import { GodwitError } from '@godwit/sites';

export interface FanOutOptions {
  /** Bytes that one outlet may lag behind the source. Pieces are shared, not copied: this is what all of them hold together, at most. */
  readonly bufferBytes?: number;
  /** For how long in all one outlet may hold the others up before it is let go; it is then served by a reading of its own. */
  readonly patienceMs?: number;
  /** Milliseconds, of a clock that only goes forward. */
  readonly now?: () => number;
}

// More makes nothing faster, and what lies here long enough to be moved to the old generation is freed late: 8 MiB of buffer cost 20 MiB.
const BUFFER_BYTES = 1024 * 1024;
const PATIENCE_MS = 20_000;

/**
 * One stream into several: the source is read once, and no faster than the slowest outlet takes it (backpressure). Memory is bounded by the
 * buffer, whatever the size. A slow outlet may hold the others up for `patienceMs` in all; then it is let go with GW_TRANSFER_SLOW, so that
 * no target's speed is another's for ever. The last outlet that is left may be as slow as it likes.
 */
export class FanOut {
  readonly #outlets = new Map<string, Outlet>();
  readonly #limit: number;
  readonly #patienceMs: number;
  readonly #now: () => number;
  #stir: () => void = () => undefined;
  /** Why an outlet was let go: its target's client may tell it in other words. */
  readonly dropped = new Map<string, unknown>();

  constructor(names: readonly string[], options: FanOutOptions = {}) {
    this.#limit = options.bufferBytes ?? BUFFER_BYTES;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#now = options.now ?? (() => performance.now());
    for (const name of names) this.#outlets.set(name, new Outlet(() => this.#stir()));
  }

  /** Whether anybody still takes what is read. */
  get open(): boolean {
    return this.#outlets.size > 0;
  }

  /** What one target reads. Ends when the source does; throws what ended it otherwise. */
  pieces(name: string): AsyncGenerator<Uint8Array, void, undefined> {
    const outlet = this.#outlets.get(name);
    if (!outlet) throw new Error(`there is no outlet ${name}`);
    return outlet.read();
  }

  /** Hands a piece to all; resolves when all have room for the next. */
  async write(piece: Uint8Array): Promise<void> {
    for (const outlet of this.#outlets.values()) outlet.push(piece);
    for (;;) {
      const full = [...this.#outlets].filter(([, o]) => o.bytes >= this.#limit);
      if (full.length === 0) return;
      // Those that have read all they were given starve: who is full now is who makes them wait.
      const starving = [...this.#outlets.values()].some((o) => o.bytes === 0);
      const began = this.#now();
      const left = starving ? Math.min(...full.map(([, o]) => this.#patienceMs - o.heldMs)) : Infinity;
      await this.#stirred(left);
      if (!starving) continue;
      const waited = this.#now() - began;
      for (const [name, outlet] of full) {
        outlet.heldMs += waited;
        if (outlet.heldMs >= this.#patienceMs && this.#outlets.size > 1) this.drop(name, slow(name));
      }
    }
  }

  end(): void {
    for (const outlet of this.#outlets.values()) outlet.end();
    this.#outlets.clear();
  }

  fail(error: unknown): void {
    for (const name of [...this.#outlets.keys()]) this.drop(name, error);
  }

  /** A target that is gone, or is let go. */
  drop(name: string, error: unknown): void {
    const outlet = this.#outlets.get(name);
    if (!outlet) return;
    this.dropped.set(name, error);
    outlet.fail(error);
    this.#outlets.delete(name);
    this.#stir();
  }

  #stirred(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? undefined : setTimeout(resolve, Math.max(0, ms));
      this.#stir = () => {
        clearTimeout(timer);
        this.#stir = () => undefined;
        resolve();
      };
    });
  }
}

const slow = (name: string): GodwitError =>
  new GodwitError('GW_TRANSFER_SLOW', 'retryable', `${name} takes the data so slowly that it held the other targets up; it is served by itself`, { site: name, action: 'Nothing: the copy to this site goes on by itself.' });

class Outlet {
  readonly #queue: Uint8Array[] = [];
  readonly #taken: () => void;
  #wake: () => void = () => undefined;
  #over: { readonly error?: unknown } | undefined;
  bytes = 0;
  heldMs = 0;

  constructor(taken: () => void) {
    this.#taken = taken;
  }

  push(piece: Uint8Array): void {
    this.#queue.push(piece);
    this.bytes += piece.length;
    this.#wake();
  }

  end(): void {
    this.#over ??= {};
    this.#wake();
  }

  fail(error: unknown): void {
    this.#over = { error };
    this.#queue.length = 0;
    this.bytes = 0;
    this.#wake();
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#queue.shift();
      if (piece !== undefined) {
        this.bytes -= piece.length;
        this.#taken();
        yield piece;
        continue;
      }
      if (this.#over) {
        if ('error' in this.#over) throw this.#over.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = () => undefined;
    }
  }
}
