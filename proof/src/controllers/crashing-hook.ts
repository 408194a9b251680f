import type { EngineOptions } from '@godwit/workflow';
import { type CrashPoint, withoutItem } from './protocol.ts';

type Hook = NonNullable<EngineOptions['onBoundary']>;
type At = Parameters<Hook>[0];

export interface HookOptions {
  readonly crashAt: CrashPoint | undefined;
  readonly cancelAt: string | undefined;
  readonly cancel: (jobId: string) => Promise<void>;
  readonly tell: (at: At) => void;
  /** Default: as a power cut would. */
  readonly kill?: () => void;
}

/** Tells of every boundary, cancels the job at one, and kills its own process at another. */
export function crashingHook(options: HookOptions): Hook {
  const { crashAt, cancelAt, cancel, tell, kill = () => process.kill(process.pid, 'SIGKILL') } = options;
  let seen = 0;
  let cancelled = false;
  return async (at) => {
    tell(at);
    if (crashAt !== undefined && at.workflow === crashAt.workflow && withoutItem(at.step) === crashAt.step && at.boundary === crashAt.boundary && ++seen === crashAt.count) {
      kill();
      // The signal may take a moment: nothing more must happen meanwhile.
      await new Promise<void>(() => undefined);
    }
    if (withoutItem(at.step) === cancelAt && at.boundary === 'before' && !cancelled) {
      cancelled = true;
      await cancel(at.jobId);
    }
  };
}
