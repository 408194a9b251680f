import { createHash } from 'node:crypto';
import type { Clock, Identity } from '../types.ts';

/**
 * Positive answers only, by a hash of the token, so that a dump of this process’s memory structures gives no usable token, and a
 * refused token is asked for again (it may have been a hiccup). A token revoked at Keystone is honoured at most maxMs longer.
 */
export class TokenCache {
  readonly #entries = new Map<string, { identity: Identity; until: number }>();
  readonly #clock: Clock;
  readonly #maxMs: number;
  readonly #maxEntries: number;

  constructor(clock: Clock, maxMs: number, maxEntries = 10_000) {
    this.#clock = clock;
    this.#maxMs = maxMs;
    this.#maxEntries = maxEntries;
  }

  static key(token: string): string {
    return createHash('sha256').update(token).digest('base64');
  }

  get(key: string): Identity | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > this.#clock().getTime()) return entry.identity;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, identity: Identity): void {
    const now = this.#clock().getTime();
    const until = Math.min(now + this.#maxMs, identity.expiresAt.getTime());
    if (until <= now) return;
    this.#entries.delete(key);
    this.#entries.set(key, { identity, until });
    // Insertion order: the first is the oldest.
    const oldest = this.#entries.size > this.#maxEntries ? this.#entries.keys().next().value : undefined;
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
