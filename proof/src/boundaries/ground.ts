import type { Site } from '@godwit/emulator';
import type { Beginning } from '../scenarios/scenario.ts';
import { type Unit, unitOf } from '../world/unit.ts';
import { until } from '../world/until.ts';
import type { Lane } from './lane.ts';

/** Sites and a database in which so many units are prepared, to begin from again and again. */
export class Ground {
  readonly #lane: Lane;
  readonly #beginning: Beginning;
  #units: Unit[] = [];
  #snapshot: ReturnType<Lane['sites']['emulator']['save']>;
  #template: string | undefined;

  constructor(lane: Lane, beginning: Beginning, pristine: ReturnType<Lane['sites']['emulator']['save']>) {
    this.#lane = lane;
    this.#beginning = beginning;
    this.#snapshot = pristine;
  }

  get units(): readonly Unit[] {
    return this.#units;
  }

  /** Prepares as many more as there must be. */
  async grow(count: number): Promise<void> {
    if (count <= this.#units.length) return;
    const { sites, survivor } = this.#lane;
    const { name, url } = await this.lay();
    await survivor.open(this.#lane.order(url));
    const more = Array.from({ length: count - this.#units.length }, (_, i) => unitOf(this.#units.length + i));
    const stage = this.#lane.stage(survivor, url);
    await Promise.all(more.map((unit) => this.#beginning.prepare(stage, unit)));
    await survivor.close();
    this.#units = [...this.#units, ...more];
    this.#snapshot = sites.emulator.save();
    this.#template = name;
  }

  /** Sites and database as they are when everything is prepared. Faults are gone. */
  async lay(): Promise<{ readonly name: string; readonly url: string }> {
    const { emulator } = this.#lane.sites;
    emulator.restore(this.#snapshot);
    // After an outage the daemons come back one by one.
    const hears = (site: Site): boolean => emulator.broker(site.name).queues().some((q) => q.queue === `compute.${site.host}` && q.consumers > 0);
    await until('every nova-compute hears again', () => ([...emulator.world.sites.values()].every(hears) ? true : undefined), 20_000);
    return this.#lane.database.create(this.#template);
  }
}
