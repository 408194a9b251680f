import type { ControllerOrder, CrashPoint } from '../controllers/protocol.ts';
import { type ControllerProcess, Controllers } from '../controllers/processes.ts';
import { startTestDatabase, type TestDatabase } from '../database/test-database.ts';
import { type Api, apiOf } from '../world/api.ts';
import { type JobRow, jobRows } from '../world/catalogue.ts';
import { type EmulatedSites, startSites } from '../world/sites.ts';
import { until } from '../world/until.ts';

/**
 * Emulated sites, a PostgreSQL and a controller that is never killed: what stays the same from case to case. The controllers that are
 * killed are processes of their own, each spawned one case ahead, so that loading it is not waited for.
 */
export class Lane {
  readonly sites: EmulatedSites;
  readonly database: TestDatabase;
  readonly controllers: Controllers;
  /** Goes on where the killed ones stopped; opened and closed once a case, which is quicker than a process. */
  readonly survivor: ControllerProcess;
  #next: ControllerProcess;

  private constructor(sites: EmulatedSites, database: TestDatabase, controllers: Controllers) {
    this.sites = sites;
    this.database = database;
    this.controllers = controllers;
    this.survivor = controllers.spawn();
    this.#next = controllers.spawn();
  }

  static async open(seed: number, database: { readonly durable?: boolean } = {}): Promise<Lane> {
    const [sites, postgres, controllers] = await Promise.all([startSites({ seed }), startTestDatabase(database), Controllers.make()]);
    return new Lane(sites, postgres, controllers);
  }

  order(databaseUrl: string, more: Partial<ControllerOrder> = {}): ControllerOrder {
    return { configFile: this.sites.configFile, databaseUrl, executorId: 'controller', deadAfterMs: 6_000, heartbeatMs: 500, pace: 0.03, ...more };
  }

  /** A controller to be killed. */
  victim(): ControllerProcess {
    const victim = this.#next;
    this.#next = this.controllers.spawn();
    return victim;
  }

  /** As the tenant. */
  api(controller: ControllerProcess): Api {
    return apiOf(() => controller.url, async () => (await (await this.sites.cloud('site2')).session.token()).id);
  }

  /** Waits until no job is under way; answers all that there are. */
  quiet(databaseUrl: string, timeoutMs = 60_000): Promise<JobRow[]> {
    return until('every job has ended', async () => {
      const rows = await jobRows(this.database, databaseUrl);
      return rows.every((r) => r.ended) ? rows : undefined;
    }, timeoutMs);
  }

  async close(): Promise<void> {
    await this.controllers.end();
    await Promise.all([this.database.stop(), this.sites.close()]);
  }
}

export type { CrashPoint };
