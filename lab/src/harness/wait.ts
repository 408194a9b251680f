import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `look` answers something. Lab waits are generous: a loaded machine is slow, not wrong. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false, { timeoutMs = 300_000, everyMs = 500 } = {}): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for: ${what}${last instanceof Error ? ` (last error: ${last.message})` : ''}`);
    await delay(everyMs);
  }
}
