import type { SiteRegistry } from '@godwit/sites';
import type { RecoveryResources } from './preflight/readiness.ts';
import type { RecoveryNetwork } from './preflight/stand-ins.ts';
import type { ReplicationDriver } from './replication/types.ts';
import type { Store } from './store/store.ts';

/** What the use case is given; nothing here reaches for a global. */
export interface Deps {
  readonly sites: SiteRegistry;
  readonly store: Store;
  readonly clock: Clock;
  /** Left out: only what keeps a member from coming back is looked at. */
  readonly resources?: RecoveryResources;
  /** Left out: no network is stretched. */
  readonly network?: RecoveryNetwork;
  /** Left out: no storage is reached, and nothing is protected by replication. */
  readonly replication?: ReplicationDriver;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void;
}

export interface Clock {
  now(): Date;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, ms);
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
    }),
};
