export interface Timer {
  readonly at: number;
  /** Of two that fall due at once, the one that was set first comes first: so a seed always gives the same order. */
  readonly order: number;
  readonly action: () => void;
  cancelled: boolean;
}

/** Binary heap of timers by their time. A cancelled one stays until it comes up, or until they are the most. */
export class TimerHeap {
  #heap: Timer[] = [];
  #order = 0;
  #cancelled = 0;

  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  push(at: number, action: () => void): Timer {
    const timer: Timer = { at, order: this.#order++, action, cancelled: false };
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
    return timer;
  }

  remove(timer: Timer): void {
    if (timer.cancelled) return;
    timer.cancelled = true;
    this.#cancelled += 1;
    if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#compact();
  }

  peek(): Timer | undefined {
    while (this.#heap[0]?.cancelled) {
      this.#take();
      this.#cancelled -= 1;
    }
    return this.#heap[0];
  }

  pop(): Timer | undefined {
    if (!this.peek()) return undefined;
    const timer = this.#take();
    // A later remove() of it must not be counted.
    if (timer) timer.cancelled = true;
    return timer;
  }

  clear(): void {
    for (const timer of this.#heap) timer.cancelled = true;
    this.#heap = [];
    this.#cancelled = 0;
  }

  #take(): Timer | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0 && last !== top) {
      this.#heap[0] = last;
      this.#down(0);
    }
    return top;
  }

  #compact(): void {
    const live = this.#heap.filter((t) => !t.cancelled);
    this.#heap = live;
    this.#cancelled = 0;
    for (let i = (live.length >> 1) - 1; i >= 0; i -= 1) this.#down(i);
  }

  #before(a: number, b: number): boolean {
    const x = this.#heap[a] as Timer;
    const y = this.#heap[b] as Timer;
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const x = this.#heap[a] as Timer;
    this.#heap[a] = this.#heap[b] as Timer;
    this.#heap[b] = x;
  }

  #up(i: number): void {
    for (let at = i; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(i: number): void {
    for (let at = i; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < this.#heap.length && this.#before(left, least)) least = left;
      if (right < this.#heap.length && this.#before(right, least)) least = right;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
