import type { Deps } from '../deps.ts';
import { carryOut } from './fence.ts';
import { withCondition } from '../group-sites.ts';

/**
 * A plain loop: a site that comes back from the dead finds the copies of groups that went elsewhere stopped and locked, before
 * anything else is done there. Nova does not start guests by itself after a power cut unless it is told to
 * (resume_guests_state_on_host_boot), so they are down at that moment already.
 */
export class FenceLoop {
  readonly #deps: Deps;
  readonly #everyMs: number;
  readonly #stop = new AbortController();

  constructor(deps: Deps, everyMs = 5_000) {
    this.#deps = deps;
    this.#everyMs = everyMs;
  }

  start(): void {
    void this.#run();
  }

  close(): void {
    this.#stop.abort(new Error('the controller stops'));
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps;
    while (!this.#stop.signal.aborted) {
      await this.round().catch((e: unknown) => log('warn', 'fencing round failed', { error: String(e) }));
      await clock.sleep(this.#everyMs, this.#stop.signal).catch(() => undefined);
    }
  }

  /** One look at everything that is still to be fenced. */
  async round(): Promise<void> {
    const { store, sites, log, clock } = this.#deps;
    for (const fence of await store.fences()) {
      const group = await store.group(fence.groupId);
      // While its recovery is under way that is the one to fence.
      if (!group || group.state === 'FailingOver' || sites.health(fence.site).state === 'down') continue;
      try {
        await carryOut(this.#deps, fence, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(180_000)]));
        await store.updateGroup(group.id, group.epoch, (g) => ({
          ...g,
          conditions: withCondition(g, { type: 'SourceFenced', status: 'True', reason: 'CameBack', message: `${fence.site} came back; its servers are stopped and locked` }, clock.now()),
        }));
        log('info', 'a site that came back was fenced', { site: fence.site, group: group.name });
      } catch (error) {
        log('debug', 'not fenced yet', { site: fence.site, group: group.name, error: String(error) });
      }
    }
  }
}
