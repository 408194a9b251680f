import { isDatabaseAway } from '@godwit/workflow';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

export interface Patience {
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Asks the database again while it is away, where the step as a whole must not be begun again: what it has done so far could not be
 * repeated. What is asked must bear being done twice.
 */
export async function onceDatabaseIsBack<T>(ask: () => Promise<T>, { sleep, signal }: Patience): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted || !isDatabaseAway(error)) throw error;
      await sleep(waitMs, signal).catch(() => undefined);
    }
  }
}
