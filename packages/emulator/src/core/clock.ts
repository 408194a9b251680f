import { TimerHeap, type Timer } from './timer-heap.ts';

/**
 * Time in the emulator. The time of day is the machine's (so timestamps, tokens and the broker's times to live mean the same here as in
 * the controller); what is compressed is only how long the services' own work takes: `work` divides by `speed`.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `action` once after `ms` of the time of day; the function returned cancels it. */
  after(ms: number, action: () => void): () => void;
  /** Runs `action` once after work that takes `ms` on a real site. */
  work(ms: number, action: () => void): () => void;
  /** How many times faster than real the services work. */
  speed: number;
  /** No action runs any more. */
  stop(): void;
}

/** A clock that moves only when told. */
export interface ManualTime extends Clock {
  /** Runs what falls due within `ms`, in the order of time, each at its own moment. */
  advance(ms: number): Promise<void>;
}

const LONGEST_TIMER = 2 ** 31 - 1;

const assertSpeed = (speed: number): number => {
  if (!(speed > 0) || !Number.isFinite(speed)) throw new RangeError(`speed ${String(speed)} is not a number above 0`);
  return speed;
};

/** One timer of Node for all that is to happen: a thousand sites wait for ten thousand things. */
export function createClock(options: { readonly speed?: number } = {}): Clock {
  const heap = new TimerHeap();
  let speed = assertSpeed(options.speed ?? 1);
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Infinity;
  let stopped = false;
  // Monotonic from one reading of the wall clock: a step of the machine's clock must not end or delay work.
  const origin = Date.now() - performance.now();
  const now = (): number => origin + performance.now();

  const arm = (): void => {
    const at = heap.peek()?.at ?? Infinity;
    if (stopped || at === timerAt) return;
    clearTimeout(timer);
    timer = undefined;
    timerAt = at;
    if (at === Infinity) return;
    timer = setTimeout(fire, Math.min(Math.max(0, Math.ceil(at - now())), LONGEST_TIMER));
  };
  const fire = (): void => {
    timerAt = Infinity;
    for (let next = heap.peek(); next && next.at <= now() && !stopped; next = heap.peek()) {
      heap.pop();
      next.action();
    }
    arm();
  };
  const after = (ms: number, action: () => void): (() => void) => {
    const entry: Timer = heap.push(now() + Math.max(0, ms), action);
    arm();
    return () => heap.remove(entry);
  };
  return {
    now,
    after,
    work: (ms, action) => after(ms / speed, action),
    get speed() {
      return speed;
    },
    set speed(value) {
      speed = assertSpeed(value);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      heap.clear();
    },
  };
}

/** @param options `start`: milliseconds since 1970; default 2026-01-01 */
export function createManualTime(options: { readonly start?: number; readonly speed?: number } = {}): ManualTime {
  const heap = new TimerHeap();
  let speed = assertSpeed(options.speed ?? 1);
  let at = options.start ?? Date.UTC(2026, 0, 1);
  const after = (ms: number, action: () => void): (() => void) => {
    const entry = heap.push(at + Math.max(0, ms), action);
    return () => heap.remove(entry);
  };
  return {
    now: () => at,
    after,
    work: (ms, action) => after(ms / speed, action),
    async advance(ms) {
      const end = at + ms;
      for (;;) {
        // What an action set off by a promise may add to what is due.
        await new Promise<void>((done) => setImmediate(done));
        const next = heap.peek();
        if (!next || next.at > end) break;
        heap.pop();
        at = Math.max(at, next.at);
        next.action();
      }
      at = end;
    },
    get speed() {
      return speed;
    },
    set speed(value) {
      speed = assertSpeed(value);
    },
    stop: () => heap.clear(),
  };
}
