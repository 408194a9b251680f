import type { SiteRegistry } from '@godwit/sites';
import type { Driver } from './driver/types.ts';
import type { GatewayNodes } from './gateway/types.ts';
import type { NetworkStore } from './store/types.ts';

export interface Clock {
  now(): Date;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What the use case is given; nothing here reaches for a global. */
export interface Deps {
  readonly sites: SiteRegistry;
  readonly store: NetworkStore;
  readonly driver: Driver;
  readonly clock: Clock;
  /** Left out: there are no agents, so networks are stretched in direct mode only. */
  readonly gateways?: GatewayNodes;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void;
}
