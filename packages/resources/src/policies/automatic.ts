import { projectOf, type ProjectRef, TickLoop, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { lookAtTarget, readRecord } from '../images/find.ts';
import { differences } from '../images/record.ts';
import type { StoredPolicy } from '../store/store.ts';
import { covers, currentImages, excluded } from './match.ts';
import type { ImagePolicy } from './schemas.ts';

export interface AutomaticOptions extends Deps {
  /** Begins a clone unless one of that image is under way. */
  readonly clone: (project: ProjectRef, from: string, imageId: string, name: string, to: readonly string[]) => Promise<void>;
}

const TICK_MS = 2_000;
const LONGEST_WAIT_MS = 60 * 60_000;

/** When a clone is begun again that has not helped, and how long it is waited after that. */
interface Again {
  readonly at: number;
  readonly waitMs: number;
}

/** New and changed images of automatic policies follow by themselves: a plain loop, each policy at its own pace. */
export class AutomaticLoop {
  readonly #options: AutomaticOptions;
  readonly #looked = new Map<string, number>();
  readonly #again = new Map<string, Map<string, Again>>();
  readonly #ticks: TickLoop;

  constructor(options: AutomaticOptions) {
    this.#options = options;
    this.#ticks = new TickLoop(options.clock, TICK_MS, (signal) => this.#turn(signal));
  }

  start(): void {
    this.#ticks.start();
  }

  close(): Promise<void> {
    return this.#ticks.close();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#options;
    const policies = await store.policies<ImagePolicy>('image').catch(() => []);
    for (const id of this.#again.keys()) if (!policies.some((p) => p.id === id)) this.#again.delete(id);
    for (const policy of policies.filter((p) => p.doc.mode === 'automatic')) {
      const now = clock.now().getTime();
      if (signal.aborted || now - (this.#looked.get(policy.id) ?? -Infinity) < policy.doc.everySeconds * 1_000) continue;
      this.#looked.set(policy.id, now);
      await this.look(policy, policies.filter((p) => p.project === policy.project)).catch((error: unknown) => {
        const { code, message } = toGodwitError(error);
        if (!signal.aborted) log('warn', 'an image policy could not be followed', { policy: policy.name, code, message });
      });
    }
  }

  async look(policy: StoredPolicy<ImagePolicy>, all: readonly StoredPolicy<ImagePolicy>[]): Promise<void> {
    const { sites, log, clock } = this.#options;
    const again = this.#again.get(policy.id) ?? new Map<string, Again>();
    this.#again.set(policy.id, again);
    const lacks = new Set<string>();
    const { source: from, sites: targets } = policy.doc;
    const project = projectOf(policy.project);
    const source = sites.get(from);
    const images = (await currentImages(source, project)).filter((i) => covers(policy.doc, i) && !excluded(i, all));
    for (const image of images) {
      const record = await readRecord(source, project, image, false);
      const lacking: string[] = [];
      for (const name of targets.filter((t) => t !== from)) {
        try {
          const { copy, conflict } = await lookAtTarget(sites.get(name), project, record);
          if (!copy || conflict || copy.os_hidden === true || differences(copy, record).length > 0) lacking.push(name);
        } catch (error) {
          log('info', 'a site of an image policy cannot be looked at', { policy: policy.name, site: name, message: toGodwitError(error).message });
        }
      }
      if (lacking.length === 0) continue;
      // What fails is not begun at every look: twice as long is waited each time, until it is there or the image or the sites have changed.
      const key = `${image.id} ${image.updated_at ?? ''} ${lacking.join()}`;
      const now = clock.now().getTime();
      lacks.add(key);
      const last = again.get(key);
      if (last && now < last.at) continue;
      const waitMs = Math.min(last ? 2 * last.waitMs : policy.doc.everySeconds * 1_000, LONGEST_WAIT_MS);
      again.set(key, { at: now + waitMs, waitMs });
      await this.#options.clone(project, from, image.id, record.name, lacking);
    }
    for (const key of again.keys()) if (!lacks.has(key)) again.delete(key);
  }
}
