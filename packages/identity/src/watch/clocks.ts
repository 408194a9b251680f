import type { Deps } from '../deps.ts';
import { clockOutliers, skewOf } from '../keys/clock.ts';
import { countedNodes } from '../keys/deliver.ts';
import type { StarNode } from '../star.ts';
import type { View } from '../topology/view.ts';

/** Begins the reason of a hold that is ours to end. */
const clockReason = 'its clock is wrong';
/** One report that came late looks like a clock that is behind. */
const patienceMs = 10_000;

/** Keeps nodes with a wrong clock out of service, and lets them in again when it is right. */
export class ClockGuard {
  readonly #deps: Pick<Deps, 'star' | 'store' | 'nodes' | 'log'>;
  readonly #since = new Map<string, number>();

  constructor(deps: Pick<Deps, 'star' | 'store' | 'nodes' | 'log'>) {
    this.#deps = deps;
  }

  async round(view: View, signal: AbortSignal): Promise<void> {
    const deps = this.#deps;
    const skews = new Map<string, number>();
    const heard = (await countedNodes(deps)).filter((n) => {
      const state = view.states.get(n.name);
      const skew = state?.connected === true ? skewOf(state) : undefined;
      if (skew !== undefined) skews.set(n.name, skew);
      return skew !== undefined;
    });
    const outliers = clockOutliers(skews, deps.star.config.clockSkewSeconds * 1000);
    for (const node of heard) await this.#judge(node, view, outliers.get(node.name), signal);
  }

  async #judge(node: StarNode, view: View, off: number | undefined, signal: AbortSignal): Promise<void> {
    const deps = this.#deps;
    const held = view.states.get(node.name)?.report?.held;
    const now = view.at.getTime();
    if (off === undefined) this.#since.delete(node.name);
    else if (!this.#since.has(node.name)) this.#since.set(node.name, now);
    const order = async (reason: string | null): Promise<void> => {
      deps.log('warn', reason === null ? 'a node is let in again: its clock is right' : 'a node is kept out of service', { node: node.name, ...(reason !== null && { reason }) });
      await deps.nodes.hold(node.name, reason, signal).catch((e: unknown) => deps.log('warn', 'a node could not be told about its clock', { node: node.name, error: String(e) }));
    };
    if (off !== undefined && held === undefined && now - (this.#since.get(node.name) ?? now) >= patienceMs) await order(`${clockReason}: ${Math.abs(off / 1000).toFixed(0)} s ${off > 0 ? 'ahead of' : 'behind'} the others`);
    else if (off === undefined && held?.startsWith(clockReason) === true) await order(null);
  }
}
