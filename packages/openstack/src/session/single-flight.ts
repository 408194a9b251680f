/**
 * Shares one run of a task among all who ask while it runs. A caller that is aborted leaves; the run goes on for the others.
 */
export function singleFlight<T>(): (task: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let running: Promise<T> | undefined;
  return async (task, signal) => {
    signal?.throwIfAborted();
    if (!running) {
      const run = task().finally(() => {
        if (running === run) running = undefined;
      });
      // Should every caller have left, a failure has nobody to tell.
      run.catch(() => {});
      running = run;
    }
    return signal ? leaveOnAbort(running, signal) : running;
  };
}

function leaveOnAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
