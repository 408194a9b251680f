import { setTimeout as delay } from 'node:timers/promises';

/** Looks until there is something; fails naming what was waited for. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, timeoutMs: number, everyMs = 15): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await delay(everyMs);
  }
}

/** A person whose request is refused for a reason that passes (503), or answered by nobody, asks again. */
export async function patiently<T>(ask: () => Promise<T>, tries = 40): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await ask();
    } catch (error) {
      if (n >= tries || !/: 50[34] |could not be asked|aborted|timeout/.test((error as Error).message)) throw error;
      await delay(250);
    }
  }
}
