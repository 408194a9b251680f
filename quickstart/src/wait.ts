import { setTimeout as delay } from 'node:timers/promises';

/** Looks again and again until there is an answer. */
export async function eventually<T>(what: string, signal: AbortSignal, look: () => Promise<T | undefined | false> | T | undefined | false, timeoutMs = 60_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${String(timeoutMs / 1000)} s in vain for ${what}`);
    await delay(50, undefined, { signal });
  }
}
