import type { EngineOptions } from '@godwit/workflow';
import { type CrashPoint, withoutItem } from './protocol.ts';

type Hook = NonNullable<EngineOptions['onBoundary']>;

/** Tells of every boundary; at the wanted one it kills its own process, as a power cut would. */
export function crashingHook(crashAt: CrashPoint | undefined, tell: (at: Parameters<Hook>[0]) => void, kill: () => void = () => process.kill(process.pid, 'SIGKILL')): Hook {
  let seen = 0;
  return async (at) => {
    if (crashAt === undefined) return tell(at);
    if (at.workflow !== crashAt.workflow || withoutItem(at.step) !== crashAt.step || at.boundary !== crashAt.boundary || ++seen !== crashAt.count) return;
    kill();
    // The signal may take a moment: nothing more must happen meanwhile.
    await new Promise<void>(() => undefined);
  };
}
