import type { Cloud, CloudConfig } from '@godwit/openstack';
import type { SiteRegistry } from '@godwit/sites';
import type { KeystoneNodes, Sealer } from './nodes.ts';
import type { Star } from './star.ts';
import type { IdentityStore } from './store/types.ts';

/** What the use case is given; nothing here reaches for a global. */
export interface Deps {
  readonly star: Star;
  readonly sites: SiteRegistry;
  readonly nodes: KeystoneNodes;
  readonly store: IdentityStore;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Speaks to one Keystone, or to a site's address, as Godwit's user. */
  readonly createCloud: (config: CloudConfig) => Cloud;
  /** 32 random bytes, for a new key. */
  readonly randomKey: () => Buffer;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void;
}

export interface Clock {
  now(): Date;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
