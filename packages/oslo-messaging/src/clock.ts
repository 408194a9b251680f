/** Time as this package sees it; tests hand in their own. */
export interface RpcClock {
  /** Milliseconds; only differences matter. */
  now(): number;
  /** Runs `action` once after `ms`; the function returned cancels it. */
  after(ms: number, action: () => void): () => void;
}

/** Node gives timers 31 bits; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: RpcClock = {
  // Monotonic: a step of the wall clock must not end a call early, nor late.
  now: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, Math.min(Math.max(0, ms), LONGEST_TIMER));
    return () => clearTimeout(timer);
  },
};
