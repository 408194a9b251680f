import type { ControllerOrder } from '../controllers/protocol.ts';
import { type ControllerProcess, Controllers } from '../controllers/processes.ts';
import { startTestDatabase, type TestDatabase } from '../database/test-database.ts';
import { type Api, apiOf } from '../world/api.ts';
import type { Stage } from '../scenarios/scenario.ts';
import { JobPoll, type JobRow, jobRows } from '../world/catalogue.ts';
import { type EmulatedSites, startSites } from '../world/sites.ts';
import { patiently, until } from '../world/until.ts';

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
  /** Where very many jobs run at once, what is done beside them is not hurried, and little is said. */
  readonly #quiet: Partial<ControllerOrder>;

  private constructor(sites: EmulatedSites, database: TestDatabase, controllers: Controllers, wide: boolean) {
    this.#quiet = wide ? { pace: Number(process.env['GODWIT_PROOF_PACE'] ?? 0.06), loopPace: 0.5, queuePollMs: 50, logLevel: 'warn' } : {};
    this.sites = sites;
    this.database = database;
    this.controllers = controllers;
    this.survivor = controllers.spawn();
    this.#next = controllers.spawn();
  }

  /** `wide`: with room for very many groups. */
  static async open(seed: number, { durable = false, wide = false }: { readonly durable?: boolean; readonly wide?: boolean } = {}): Promise<Lane> {
    const [sites, postgres, controllers] = await Promise.all([startSites({ seed, wide }), startTestDatabase({ durable }), Controllers.make()]);
    return new Lane(sites, postgres, controllers, wide);
  }

  order(databaseUrl: string, more: Partial<ControllerOrder> = {}): ControllerOrder {
    return { configFile: this.sites.configFile, databaseUrl, executorId: 'controller', deadAfterMs: 6_000, heartbeatMs: 500, pace: 0.03, ...this.#quiet, ...more };
  }

  /** A controller to be killed. */
  victim(): ControllerProcess {
    const victim = this.#next;
    this.#next = this.controllers.spawn();
    return victim;
  }

  /** As the tenant, or as whom an entry of clouds.yaml is of. */
  api(controller: ControllerProcess, cloud?: string): Api {
    return apiOf(() => controller.url, () => this.token(cloud));
  }

  /** Default: the tenant's. */
  async token(cloud = 'site2'): Promise<string> {
    return (await (await this.sites.cloud(cloud)).session.token()).id;
  }

  /** What a scenario works on, by this controller. */
  stage(controller: ControllerProcess, databaseUrl: string, timeoutMs = 60_000): Stage {
    const jobs = new JobPoll(this.database, databaseUrl);
    const patient = (api: Api): Api => ({ call: api.call, ask: (method, path, body) => patiently(() => api.ask(method, path, body)) });
    const ended: Stage['ended'] = async (jobId) => {
      const { state, error } = await jobs.ended(jobId, timeoutMs);
      return { state, ...(error && { error }) };
    };
    return {
      sites: this.sites,
      api: patient(this.api(controller)),
      admin: patient(this.api(controller, 'site2-godwit')),
      ended,
      succeeds: async (jobId) => {
        const end = await ended(jobId);
        if (end.state !== 'succeeded') throw new Error(`job ${jobId} ended as ${end.state}: ${JSON.stringify(end.error)}\n${controller.log.join('').slice(-3_000)}`);
      },
    };
  }

  /** Waits until no job is under way; answers all that there are. */
  quiet(databaseUrl: string, timeoutMs = 60_000, everyMs = 15): Promise<JobRow[]> {
    return until('every job has ended', async () => {
      const rows = await jobRows(this.database, databaseUrl);
      return rows.every((r) => r.ended) ? rows : undefined;
    }, timeoutMs, everyMs);
  }

  async close(): Promise<void> {
    await this.controllers.end();
    await Promise.all([this.database.stop(), this.sites.close()]);
  }
}
