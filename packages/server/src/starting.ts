import { toJobError } from '@godwit/workflow';

export interface Starting {
  readonly sleep: (ms: number) => Promise<void>;
  readonly log: (message: string) => void;
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * A start that fails because the database is away is made again, for as long as it takes: after a power cut the controller is often there
 * before its database, and at night nobody is there to start it once more. What waiting does not mend (a wrong password, a database that is not
 * there, a broken configuration) ends it at once.
 */
export async function onceDatabaseAnswers<T>(start: () => Promise<T>, { sleep, log, now = () => performance.now() }: Starting): Promise<T> {
  const began = now();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await start();
    } catch (error) {
      const { code, kind, message } = toJobError(error);
      if (code !== 'GW_DATABASE' || kind !== 'retryable') throw error;
      log(`waiting for the database, ${Math.round((now() - began) / 1000)} s so far: ${message}`);
      await sleep(waitMs);
    }
  }
}
