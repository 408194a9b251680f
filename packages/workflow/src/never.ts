/**
 * A promise that never settles: how a run that must not go on (the engine stops) is left standing, without an outcome that
 * would be recorded. It keeps nothing alive, and is collected with the run.
 */
export function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
