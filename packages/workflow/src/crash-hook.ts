import type { EngineOptions } from './types.ts';

/**
 * A test aid: with GODWIT_CRASH_AT="workflow:step:boundary" (boundary: `before`, `after-effect` or `after-record`; `*` stands for
 * any workflow or step), the returned hook kills its own process there, as a power cut would. Otherwise undefined.
 */
export function crashHookFromEnv(env: Readonly<Record<string, string | undefined>>): EngineOptions['onBoundary'] | undefined {
  const spec = env['GODWIT_CRASH_AT'];
  if (spec === undefined || spec === '') return undefined;
  // A step's name may have colons itself.
  const match = /^([^:]+):(.+):(before|after-effect|after-record)$/.exec(spec);
  if (match === null) throw new Error(`GODWIT_CRASH_AT="${spec}" is not of the form workflow:step:boundary (before, after-effect, after-record)`);
  const [, workflow, step, boundary] = match;
  return async (at) => {
    if (at.boundary !== boundary || (workflow !== '*' && workflow !== at.workflow) || (step !== '*' && step !== at.step)) return;
    process.kill(process.pid, 'SIGKILL');
    // The signal may take a moment: nothing more must happen meanwhile.
    await new Promise<void>(() => undefined);
  };
}
