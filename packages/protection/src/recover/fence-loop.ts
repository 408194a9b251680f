import type { Deps } from '../deps.ts';
import { carryOut } from './fence.ts';
import { withCondition } from '../group-sites.ts';
import type { Fence } from '../store/store.ts';

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

  /** One look at everything that is still to be fenced, side by side: one site that hangs must not keep another unfenced. */
  async round(): Promise<void> {
    await Promise.all((await this.#deps.store.fences()).map((fence) => this.#one(fence)));
  }

  async #one(fence: Fence): Promise<void> {
    const { store, sites, log, clock } = this.#deps;
    try {
      const group = await store.group(fence.groupId);
      // While its recovery is under way, or has not begun for good, that is the one to fence. Of a group that was deleted nobody else would.
      if (group && (group.state === 'FailingOver' || group.epoch < fence.epoch)) return;
      if (sites.health(fence.site).state === 'down') return;
      await carryOut(this.#deps, fence, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(180_000)]));
      log('info', 'a site that came back was fenced', { site: fence.site, group: group?.name ?? fence.groupId });
      if (!group) return;
      await store.updateGroup(group.id, group.epoch, (g) => ({
        ...g,
        conditions: withCondition(g, { type: 'SourceFenced', status: 'True', reason: 'CameBack', message: `${fence.site} came back; its servers are stopped and locked` }, clock.now()),
      }));
    } catch (error) {
      log('debug', 'not fenced yet', { site: fence.site, group: fence.groupId, error: String(error) });
    }
  }
}
