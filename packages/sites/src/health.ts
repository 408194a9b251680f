import { toGodwitError } from './translate.ts';
import type { Site, SiteHealth } from './types.ts';

/** A plain loop: asks each site's Keystone for its versions. Sites are asked side by side, so that a dead one delays none. */
export class HealthPoller {
  readonly #sites: readonly Site[];
  readonly #pollMs: number;
  readonly #health = new Map<string, SiteHealth>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #running = false;

  constructor(sites: readonly Site[], pollMs: number) {
    this.#sites = sites;
    this.#pollMs = pollMs;
  }

  of(site: string): SiteHealth {
    return this.#health.get(site) ?? { site, state: 'unknown', since: new Date(0).toISOString() };
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    for (const site of this.#sites) void this.#loop(site);
  }

  stop(): void {
    this.#running = false;
    for (const t of this.#timers) clearTimeout(t);
    this.#timers.clear();
  }

  async #loop(site: Site): Promise<void> {
    while (this.#running) {
      await this.poll(site);
      await new Promise<void>((done) => {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          done();
        }, this.#pollMs);
        timer.unref();
        this.#timers.add(timer);
      });
    }
  }

  async poll(site: Site): Promise<void> {
    let state: SiteHealth['state'] = 'up';
    let message: string | undefined;
    try {
      await site.admin.identity.ping({ signal: AbortSignal.timeout(this.#pollMs) });
    } catch (error) {
      state = 'down';
      message = toGodwitError(error, { site: site.name }).message;
    }
    const before = this.#health.get(site.name);
    const since = before?.state === state ? before.since : new Date().toISOString();
    this.#health.set(site.name, { site: site.name, state, since, ...(message === undefined ? {} : { message }) });
  }
}
