import { toGodwitError } from './translate.ts';
import type { Site, SiteHealth } from './types.ts';

/** Sites that hang hold up no others until so many do. */
const AT_ONCE = 256;
/** Between two sites of the first round, which is to be over soon. */
const FIRST_PACE_MS = 2;

/**
 * A plain loop: asks each site's Keystone for its versions, every site once in `pollMs`. The sites' turns are spread over that time: a thousand
 * of them asked at one moment would be a thousand answers to read at one moment, and everything else would wait.
 * A site that does not answer within `pollMs` is down: so one that dies is noticed within twice that.
 */
export class HealthPoller {
  readonly #sites: readonly Site[];
  readonly #pollMs: number;
  readonly #health = new Map<string, SiteHealth>();
  readonly #asking = new Set<Site>();
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  /** Turns that were given, and when the next one is due. */
  #turns = 0;
  #due = 0;

  constructor(sites: readonly Site[], pollMs: number) {
    this.#sites = sites;
    this.#pollMs = pollMs;
  }

  of(site: string): SiteHealth {
    return this.#health.get(site) ?? { site, state: 'unknown', since: new Date(0).toISOString() };
  }

  start(): void {
    if (this.#running || this.#sites.length === 0) return;
    this.#running = true;
    this.#turns = 0;
    this.#due = performance.now();
    this.#giveTurns();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  #giveTurns(): void {
    if (!this.#running) return;
    const now = performance.now();
    const count = this.#sites.length;
    while (this.#due <= now) {
      if (this.#asking.size >= AT_ONCE) {
        this.#due = now + FIRST_PACE_MS;
        break;
      }
      const site = this.#sites[this.#turns % count];
      if (site && !this.#asking.has(site)) void this.poll(site);
      this.#turns += 1;
      // The pause of a process that stood still is not made up for.
      this.#due = Math.max(this.#due, now - this.#pollMs) + (this.#turns < count ? Math.min(FIRST_PACE_MS, this.#pollMs / count) : this.#pollMs / count);
    }
    this.#timer = setTimeout(() => this.#giveTurns(), Math.max(1, this.#due - now));
    this.#timer.unref();
  }

  async poll(site: Site): Promise<void> {
    this.#asking.add(site);
    let state: SiteHealth['state'] = 'up';
    let message: string | undefined;
    try {
      await site.admin.identity.ping({ signal: AbortSignal.timeout(this.#pollMs) });
    } catch (error) {
      state = 'down';
      message = toGodwitError(error, { site: site.name }).message;
    } finally {
      this.#asking.delete(site);
    }
    const before = this.#health.get(site.name);
    const since = before?.state === state ? before.since : new Date().toISOString();
    this.#health.set(site.name, { site: site.name, state, since, ...(message === undefined ? {} : { message }) });
  }
}
