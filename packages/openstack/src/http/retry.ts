const BASE_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A server that asks for more patience than this is reported instead of waited for. */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** Waits; rejects with the signal's reason when aborted. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

export const sleep: Sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });

/** Exponential, with half of it left to chance so that many clients do not return together. `attempt` counts from 1. */
export function backoff(attempt: number, random: () => number): number {
  const full = Math.min(LONGEST_DELAY_MS, BASE_DELAY_MS * 2 ** (attempt - 1));
  return full / 2 + (full / 2) * random();
}

/** Retry-After in milliseconds (seconds or an HTTP date); `too-long` when the request is better reported. */
export function retryAfter(header: string | undefined, now: number): number | 'too-long' | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  if (Number.isNaN(seconds)) return undefined;
  if (seconds > LONGEST_RETRY_AFTER_MS) return 'too-long';
  return Math.max(0, seconds);
}
