import type { Emulator, Site } from '@godwit/emulator';
import type { Beginning } from '../scenarios/scenario.ts';
import { type Unit, unitOf } from '../world/unit.ts';
import { until } from '../world/until.ts';
import type { Lane } from './lane.ts';

/** Sites and a database in which units are prepared, so many of each beginning, to begin from again and again. */
export class Ground {
  readonly #lane: Lane;
  readonly #units = new Map<Beginning, Unit[]>();
  #snapshot: ReturnType<Lane['sites']['emulator']['save']>;
  #template: string | undefined;

  constructor(lane: Lane, pristine: ReturnType<Lane['sites']['emulator']['save']>) {
    this.#lane = lane;
    this.#snapshot = pristine;
  }

  get units(): readonly Unit[] {
    return [...this.#units.values()].flat();
  }

  /** A unit for each, of the beginning that it wants; prepared if there are not enough. */
  async unitsFor(wanted: readonly Beginning[]): Promise<Unit[]> {
    await this.#grow(new Map(wanted.map((from) => [from, wanted.filter((w) => w === from).length])));
    const taken = new Map<Beginning, number>();
    return wanted.map((from) => {
      const n = taken.get(from) ?? 0;
      taken.set(from, n + 1);
      return this.#units.get(from)?.[n] as Unit;
    });
  }

  /** Sites and database as they are when everything is prepared. Faults are gone. */
  async lay(): Promise<{ readonly name: string; readonly url: string }> {
    const { emulator } = this.#lane.sites;
    emulator.restore(this.#snapshot);
    await daemonsBack(emulator);
    return this.#lane.database.create(this.#template);
  }

  async #grow(needs: ReadonlyMap<Beginning, number>): Promise<void> {
    let count = this.units.length;
    const more = [...needs].flatMap(([from, need]) => Array.from({ length: Math.max(0, need - (this.#units.get(from)?.length ?? 0)) }, () => ({ from, unit: unitOf(count++) })));
    if (more.length === 0) return;
    const { sites, survivor } = this.#lane;
    const { name, url } = await this.lay();
    await survivor.open(this.#lane.order(url));
    const stage = this.#lane.stage(survivor, url);
    await Promise.all(more.map(({ from, unit }) => from.prepare(stage, unit)));
    await survivor.close();
    for (const { from, unit } of more) this.#units.set(from, [...(this.#units.get(from) ?? []), unit]);
    this.#snapshot = sites.emulator.save();
    this.#template = name;
  }
}

/** After an outage the daemons come back one by one. */
export async function daemonsBack(emulator: Emulator): Promise<void> {
  const hears = (site: Site): boolean => emulator.broker(site.name).queues().some((q) => q.queue === `compute.${site.host}` && q.consumers > 0);
  await until('every nova-compute hears again', () => ([...emulator.world.sites.values()].every(hears) ? true : undefined), 20_000);
}
