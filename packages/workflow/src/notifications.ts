import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { JobState } from './types.ts';

/** What the database tells all controllers when an event was appended. */
export interface Notice {
  readonly seq: number;
  readonly job: string;
  readonly type: string;
  readonly state?: JobState | null;
}

/** One connection that listens for events, and connects again when it is lost. */
export class Notifications {
  readonly #url: string;
  readonly #listeners = new Set<(notice: Notice | undefined) => void>();
  readonly #halt = new AbortController();
  readonly #log: (message: string) => void;
  #client: pg.Client | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(databaseUrl: string, log: (message: string) => void) {
    this.#url = databaseUrl;
    this.#log = log;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { lost } = await this.#connect();
    this.#loop = this.#keep(lost);
  }

  async stop(): Promise<void> {
    this.#halt.abort();
    await this.#client?.end().catch(() => undefined);
    await this.#loop;
    this.#listeners.clear();
  }

  /** Calls back for each notice, and with `undefined` when some may have been missed: look for yourself then. Returns the unsubscriber. */
  subscribe(listener: (notice: Notice | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  async #connect(): Promise<{ lost: Promise<void> }> {
    const client = new pg.Client({ connectionString: this.#url, application_name: 'godwit-events', keepAlive: true, connectionTimeoutMillis: 10_000 });
    this.#client = client;
    const lost = new Promise<void>((resolve) => {
      client.once('end', resolve);
      client.once('error', () => { resolve(); });
    });
    client.on('error', () => undefined);
    client.on('notification', (m) => { this.#tell(JSON.parse(m.payload ?? '{}') as Notice); });
    await client.connect();
    await client.query('LISTEN godwit_events');
    return { lost };
  }

  async #keep(first: Promise<void>): Promise<void> {
    let lost = first;
    while (!this.#halt.signal.aborted) {
      await lost;
      for (let waitMs = 100; !this.#halt.signal.aborted; waitMs = Math.min(waitMs * 2, 2_000)) {
        await delay(waitMs, undefined, { signal: this.#halt.signal }).catch(() => undefined);
        if (this.#halt.signal.aborted) return;
        try {
          await this.#client?.end().catch(() => undefined);
          ({ lost } = await this.#connect());
          this.#tell(undefined);
          break;
        } catch (e) {
          this.#log(`not listening for events: ${(e as Error).message}`);
        }
      }
    }
  }

  #tell(notice: Notice | undefined): void {
    for (const listener of [...this.#listeners]) listener(notice);
  }
}
