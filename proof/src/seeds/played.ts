import type { Lane } from '../boundaries/lane.ts';
import type { Api } from '../world/api.ts';
import type { JobPoll } from '../world/catalogue.ts';
import type { Unit } from '../world/unit.ts';
import type { Crew } from './crew.ts';
import type { Schedule } from './schedule.ts';

/** Where seeds are played. */
export interface Scene {
  readonly lane: Lane;
  readonly crew: Crew;
  /** Of the controllers that are up, in turn. */
  readonly api: Api;
  readonly database: { readonly name: string; readonly url: string };
  readonly jobs: JobPoll;
}

/** One seed, played by a unit of its own. */
export interface Played {
  readonly seed: number;
  readonly unit: Unit;
  readonly schedule: Schedule;
  /** Of the jobs that were asked for, as far as an answer came. */
  readonly jobs: string[];
  /** `group/epoch` of what came up for good. */
  readonly epochs: Set<string>;
  readonly wrong: string[];
}

export const other = (site: string): string => (site === 'site1' ? 'site2' : 'site1');
