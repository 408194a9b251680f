import type { Deps } from '../deps.ts';
import { peerSite, withCondition } from '../group-sites.ts';
import type { Condition, Group } from '../schemas.ts';
import { placeAt } from './held.ts';
import { driverOf } from './places.ts';
import type { ImageStatus, Replica } from './types.ts';

/**
 * A plain loop: are the copies of replicated groups there, do they follow, how far are they behind? Told as the condition Replicating. Looks
 * at both sites and changes nothing.
 */
export class ReplicationWatch {
  readonly #deps: Deps;
  readonly #everyMs: number;
  readonly #stop = new AbortController();

  constructor(deps: Deps, everyMs = 30_000) {
    this.#deps = deps;
    this.#everyMs = everyMs;
  }

  start(): void {
    if (this.#deps.replication) void this.#run();
  }

  close(): void {
    this.#stop.abort(new Error('the controller stops'));
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps;
    while (!this.#stop.signal.aborted) {
      await this.round().catch((e: unknown) => log('warn', 'the look at replicated groups failed', { error: String(e) }));
      await clock.sleep(this.#everyMs, this.#stop.signal).catch(() => undefined);
    }
  }

  async round(): Promise<void> {
    const { store } = this.#deps;
    for (let after: string | undefined, more = true; more; ) {
      const page = await store.groups({ limit: 200, ...(after === undefined ? {} : { after }) });
      for (const group of page) if (group.policy.method === 'replication' && group.state !== 'FailingOver') await this.#one(group);
      after = page.at(-1)?.id;
      more = page.length === 200;
    }
  }

  async #one(group: Group): Promise<void> {
    const { store, clock } = this.#deps;
    const last = (await store.points(group.id)).filter((p) => p.state === 'Available' && p.sourceSite === group.activeSite && p.recoverySite === peerSite(group) && p.volumes.every((v) => v.replica)).at(-1);
    if (!last) return;
    const condition = await this.#look(group, last.volumes.flatMap((v) => (v.replica ? [v.replica] : [])), last.frozenAt ?? last.createdAt).catch((error: unknown): Omit<Condition, 'since'> => ({ type: 'Replicating', status: 'Unknown', reason: 'NotLooked', message: (error as Error).message }));
    const before = group.conditions.find((c) => c.type === 'Replicating');
    if (before?.status === condition.status && before.reason === condition.reason && before.message === condition.message) return;
    await store.updateGroup(group.id, group.epoch, (g) => ({ ...g, conditions: withCondition(g, condition, clock.now()) }));
  }

  async #look(group: Group, replicas: readonly Replica[], frozenAt: string): Promise<Omit<Condition, 'since'>> {
    const driver = driverOf(this.#deps);
    const site = peerSite(group);
    const wrong: string[] = [];
    let [seconds, bytes] = [0, 0];
    for (const replica of replicas) {
      const place = await placeAt(this.#deps, site, replica.pool, replica.cluster);
      const [copy] = place ? await driver.status(place, [replica.image], AbortSignal.timeout(60_000)) : [];
      const why = unsound(copy, replica);
      if (why !== undefined) wrong.push(`${replica.image}: ${why}`);
      const told = copy?.replay[0];
      seconds = Math.max(seconds, told?.behindSeconds ?? 0);
      bytes += told?.bytesBehind ?? 0;
    }
    if (wrong.length > 0) return { type: 'Replicating', status: 'False', reason: 'NotFollowing', message: `${wrong[0] ?? ''}${wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : ''}` };
    return { type: 'Replicating', status: 'True', reason: 'Following', message: `${replicas.length} copies at ${site} follow, ${seconds} s and ${bytes} bytes behind what was shipped; the last point is of ${frozenAt}` };
  }
}

function unsound(copy: ImageStatus | undefined, replica: Replica): string | undefined {
  if (!copy?.found) return 'there is no copy';
  if (copy.mirror?.globalId !== replica.globalId) return 'the copy is another image';
  if (copy.mirror.primary) return 'it is primary at both sites';
  const state = copy.replay[0];
  return state === undefined || state.state === 'up+replaying' ? undefined : `${state.state}: ${state.description}`;
}
