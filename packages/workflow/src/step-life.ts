/** How a step's run in this process can be interrupted from outside. */
export class StepLife {
  readonly #controller = new AbortController();
  readonly #wakers = new Set<() => void>();
  readonly #isWork: boolean;
  #begun = false;
  #cancellable = true;
  #resting = false;
  #ended: 'lost' | 'halted' | undefined;
  #onEnd: () => void = () => undefined;
  /** Settles when the step's run must no longer be waited for. */
  readonly whenEnded = new Promise<void>((resolve) => { this.#onEnd = resolve; });

  /** `isWork`: false for a mere wait, which a stopping engine need not see to its end. */
  constructor(isWork: boolean) {
    this.#isWork = isWork;
  }

  get signal(): AbortSignal { return this.#controller.signal; }
  get ended(): 'lost' | 'halted' | undefined { return this.#ended; }
  /** Something is being done that would be lost if the engine left now. */
  get working(): boolean { return this.#begun && this.#isWork && !this.#resting; }

  begin(cancellable: boolean): void {
    this.#begun = true;
    this.#cancellable = cancellable;
  }

  cancel(reason: Error): void {
    this.#wake();
    if (this.#begun && this.#cancellable) this.#controller.abort(reason);
  }

  end(how: 'lost' | 'halted', reason: Error): void {
    this.#ended ??= how;
    this.#onEnd();
    this.#wake();
    this.#controller.abort(reason);
  }

  /** Waits between two attempts; ends early when anything happens to the step. */
  async rest(ms: number): Promise<void> {
    this.#resting = true;
    try {
      await new Promise<void>((resolve) => {
        const wake = (): void => { clearTimeout(timer); this.#wakers.delete(wake); resolve(); };
        const timer = setTimeout(wake, ms);
        this.#wakers.add(wake);
      });
    } finally {
      this.#resting = false;
    }
  }

  #wake(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) wake();
  }
}
