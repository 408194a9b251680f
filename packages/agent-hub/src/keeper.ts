import type { Log } from './hub.ts';
import type { Arrival, Store } from './store/store.ts';

const tickMs = 1_000;
const beatEvery = 5;
/** A report that says nothing new is kept in memory; the database gets one now and then, for the other controllers. */
const reportAgeMs = 30_000;

export interface KeeperOptions {
  readonly store: Store;
  readonly controller: string;
  readonly advertise: string | undefined;
  /** Ids of those connected here. */
  readonly connected: () => string[];
  readonly cutOff: (id: string) => void;
  readonly log: Log;
}

/**
 * What is told to the other controllers by the database, once a second and in bulk: who is connected here, what they report; and looks there
 * for agents that were revoked elsewhere.
 */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #arrived = new Set<string>();
  readonly #left = new Set<string>();
  readonly #reports = new Map<string, Arrival>();
  readonly #saved = new Map<string, number>();
  #changes = '';
  #ticks = 0;
  #away = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { store, controller, advertise } = this.#options;
    // Of an earlier process of this controller, that could not say good-bye.
    await store.leave(controller);
    await store.beat(controller, advertise);
    this.#changes = await store.changes();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#options.store.saveReports([...this.#reports.values()]).catch(() => undefined);
    await this.#options.store.leave(this.#options.controller).catch(() => undefined);
  }

  arrived(id: string): void {
    this.#left.delete(id);
    this.#arrived.add(id);
  }

  left(id: string): void {
    this.#arrived.delete(id);
    this.#left.add(id);
    this.#saved.delete(id);
  }

  reported(arrival: Arrival): void {
    this.#reports.set(arrival.agentId, arrival);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#tick().finally(() => this.#schedule());
    }, tickMs);
  }

  async #tick(): Promise<void> {
    const { store, controller, advertise, log } = this.#options;
    try {
      if (this.#away) for (const id of this.#options.connected()) this.#arrived.add(id);
      if (this.#ticks++ % beatEvery === 0 || this.#away) await store.beat(controller, advertise);
      await this.#lookForRevoked();
      const [left, arrived] = [[...this.#left], [...this.#arrived]];
      await store.left(controller, left);
      await store.arrived(controller, arrived);
      for (const id of left) this.#left.delete(id);
      for (const id of arrived) this.#arrived.delete(id);
      await this.#saveReports();
      this.#away = false;
    } catch (error) {
      // Connections hold without the database; what could not be told is told when it is back.
      if (!this.#away) log('warn', 'the database cannot be told about agents', { reason: (error as Error).message });
      this.#away = true;
    }
  }

  async #lookForRevoked(): Promise<void> {
    const changes = await this.#options.store.changes();
    if (changes === this.#changes) return;
    for (const id of await this.#options.store.barred(this.#options.connected())) this.#options.cutOff(id);
    this.#changes = changes;
  }

  async #saveReports(): Promise<void> {
    const now = performance.now();
    const due = [...this.#reports.values()].filter((r) => now - (this.#saved.get(r.agentId) ?? Number.NEGATIVE_INFINITY) >= reportAgeMs);
    await this.#options.store.saveReports(due);
    for (const report of due) {
      this.#saved.set(report.agentId, now);
      if (this.#reports.get(report.agentId) === report) this.#reports.delete(report.agentId);
    }
  }
}
