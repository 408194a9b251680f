export interface StopSignal {
  readonly signal: AbortSignal;
  /** 130 after Ctrl-C, 143 after SIGTERM, as shells have it; undefined: nobody asked to stop. */
  readonly exitCode: number | undefined;
}

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** A terminal sends Ctrl-C to npm and to this process, and npm may pass it on: that is one wish, not two. */
const onceMs = 1_000;

/**
 * The first signal stops in order. A later one, for the impatient, calls `force`. The death of who started us counts as well: a killed
 * `npm` must not leave sites, a database and ports behind.
 */
export function stopSignal(force: () => void): StopSignal {
  const controller = new AbortController();
  const state: { signal: AbortSignal; exitCode: number | undefined } = { signal: controller.signal, exitCode: undefined };
  let at = 0;
  const stop = (code: number): void => {
    if (state.exitCode === undefined) {
      state.exitCode = code;
      at = performance.now();
      controller.abort(new Error('stopped'));
    } else if (performance.now() - at > onceMs) force();
  };
  for (const [name, code] of Object.entries(codes)) process.on(name, () => stop(code));
  const parent = process.ppid;
  // Once: seen a second time it would count as somebody's impatience, and what is just being stopped would be left.
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop(codes.SIGHUP);
  }, 500);
  watch.unref();
  return state;
}
