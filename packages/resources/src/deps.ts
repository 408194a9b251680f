import type { SiteRegistry } from '@godwit/sites';
import type { Store } from './store/store.ts';

export interface Clock {
  now(): Date;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What the use case is given; nothing here reaches for a global. */
export interface Deps {
  readonly sites: SiteRegistry;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void;
}
