import { TickLoop, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { Heard, Listening, RemoteVtep } from '../driver/types.ts';
import type { ReconcileReport } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
import { type GateOptions, Gate } from '../gateway/gate.ts';
import { keepVips } from '../vip/keep.ts';
import type { GroupPlace } from '../vip/types.ts';
import type { SiteFrame, SiteView } from './observe.ts';
import { redirectAt } from './plan.ts';
import { takenOver, takeTurn } from './turn.ts';

export interface KeeperOptions {
  readonly holder: string;
  readonly tickMs?: number;
  /** Between two comparisons of a network of which nothing was heard. */
  readonly everyMs?: number;
  /** Between two signs of life of each virtual agent; Neutron misses one after 75 s. */
  readonly beatMs?: number;
  readonly gate?: GateOptions;
  /** Where protection groups are active. */
  readonly groups?: GroupPlace | undefined;
  /** How long agents, groups and subnets that were read are taken as they are. */
  readonly frameMs?: number;
}

interface Kept {
  record: NetworkRecord;
  dirty: boolean;
  /** Milliseconds since 1970. */
  at: number;
  framedAt: number;
  readonly frames: Map<string, SiteFrame>;
  work: Promise<void> | undefined;
  agents: ReadonlyMap<string, readonly RemoteVtep[]>;
  failures: number;
  /** Of each site, as last seen. */
  readonly views: Map<string, SiteView>;
  /** The gateway that each site's hypervisors were told last. */
  readonly told: Map<string, string>;
}

const HOLD_MS = 30_000;
const LISTEN_RETRY_MS = 3_000;

/** Keeps the remote ports of all networks in step: at once when a site's l2population tells of a port, and by comparing again and again, which needs no message to have arrived. */
export class Keeper {
  readonly #deps: Deps;
  readonly #options: Required<Omit<KeeperOptions, 'groups' | 'gate'>> & Pick<KeeperOptions, 'groups'>;
  readonly #kept = new Map<string, Kept>();
  /** Networks that it will never hold again. */
  readonly #old = new Set<string>();
  readonly #listeners = new Map<string, { listening?: Listening; triedAt: number }>();
  readonly #ticks: TickLoop;
  /** Undefined: there are no agents. */
  readonly gate: Gate | undefined;
  #signal = new AbortController().signal;
  #beatAt = 0;

  constructor(deps: Deps, options: KeeperOptions) {
    this.#deps = deps;
    this.#options = { tickMs: 1_000, everyMs: 15_000, beatMs: 25_000, frameMs: 15_000, ...options };
    this.gate = deps.gateways && new Gate(deps, deps.gateways, options.gate ?? {}, (site) => this.#tookOver(site));
    this.#ticks = new TickLoop(deps.clock, this.#options.tickMs, (signal) => this.#tick(signal));
  }

  start(): void {
    this.gate?.start();
    this.#ticks.start();
  }

  async close(): Promise<void> {
    await this.gate?.close();
    await this.#ticks.close();
    await Promise.allSettled([...this.#kept.values()].map(async (k) => { await k.work; }));
    await Promise.allSettled([...this.#listeners.values()].map(async (l) => { await l.listening?.close(); }));
    // The next controller need not wait until the hold lapses.
    await Promise.allSettled([...this.#kept.keys()].map((id) => this.#deps.store.release(id, this.#options.holder)));
  }

  /** One turn now. undefined: another controller keeps that network. */
  async now(record: NetworkRecord, signal: AbortSignal): Promise<ReconcileReport | undefined> {
    const kept = this.#take(record);
    await kept.work;
    return this.#turn(kept, signal);
  }

  async #tick(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { clock, store, log } = this.#deps;
    try {
      const all = await store.list();
      const records = all.filter((r) => r.state === 'Active');
      const now = clock.now().getTime();
      for (const { id, state } of all) if (state === 'Unstretching') await this.#letGoOfOld(id);
      for (const [id, kept] of this.#kept) if (!records.some((r) => r.id === id)) await this.#letGo(id, kept);
      for (const record of records) {
        const kept = this.#take(record);
        if (kept.work || !(kept.dirty || now - kept.at >= this.#options.everyMs)) continue;
        // Not every tick at a site that fails.
        if (kept.failures > 0 && now - kept.at < Math.min(1_000 * 2 ** kept.failures, this.#options.everyMs)) continue;
        kept.work = this.#turn(kept, signal).then(() => undefined).finally(() => {
          kept.work = undefined;
          if (kept.dirty) this.#ticks.wake();
        });
      }
      await this.#listen(new Set(records.flatMap((r) => r.sites.map((s) => s.site))), now);
      this.#beat(now);
    } catch (error) {
      if (!signal.aborted) log('warn', 'stretched networks could not be read', { error: String(error) });
    }
  }

  #take(record: NetworkRecord): Kept {
    const kept = this.#kept.get(record.id) ?? { record, dirty: true, at: 0, framedAt: 0, frames: new Map(), work: undefined, agents: new Map(), failures: 0, views: new Map(), told: new Map() };
    kept.record = record;
    this.#kept.set(record.id, kept);
    return kept;
  }

  /** What an earlier life of this controller held is nobody's: whoever unstretches it need not wait until the hold lapses. */
  async #letGoOfOld(id: string): Promise<void> {
    if (this.#kept.has(id) || this.#old.has(id)) return;
    this.#old.add(id);
    await this.#deps.store.release(id, this.#options.holder);
  }

  async #letGo(id: string, kept: Kept): Promise<void> {
    this.#kept.delete(id);
    await kept.work;
    await this.#deps.store.release(id, this.#options.holder);
  }

  async #turn(kept: Kept, signal: AbortSignal): Promise<ReconcileReport | undefined> {
    const { store, clock, log } = this.#deps;
    const { record } = kept;
    let held = 0;
    const keep = async (): Promise<void> => {
      const now = clock.now();
      if (now.getTime() - held < HOLD_MS / 3) return;
      const current = await store.get(record.id);
      if (current?.state !== 'Active' || !(await store.hold(record.id, this.#options.holder, now, new Date(now.getTime() + HOLD_MS)))) throw takenOver(record.name);
      held = now.getTime();
    };
    kept.dirty = false;
    const now = clock.now().getTime();
    kept.at = now;
    if (now - kept.framedAt > this.#options.frameMs) {
      kept.frames.clear();
      kept.framedAt = now;
    }
    try {
      await keep();
      const turn = await takeTurn(this.#deps, record, { signal, keep, frames: kept.frames, ...this.#through(kept) });
      for (const view of turn.views) kept.views.set(view.site, view);
      kept.agents = turn.agents;
      // A pair that a member's port was given is to be mirrored.
      kept.dirty ||= (await keepVips(this.#deps, record, turn.views, { keep, groups: this.#options.groups, ...(record.request.mode === 'gateway' && { ends: this.gate?.ends() }) })) || turn.left;
      kept.failures = turn.left ? kept.failures + 1 : 0;
      for (const d of turn.report.drift) log('warn', 'a stretched network had drifted', { network: record.name, ...d });
      await store.putReport(record.id, turn.report, turn.placed);
      return turn.report;
    } catch (error) {
      const known = toGodwitError(error);
      if (known.code === 'GW_NETWORK_HELD') kept.agents = new Map();
      else if (!signal.aborted) {
        kept.failures += 1;
        log('warn', 'a stretched network could not be compared', { network: record.name, code: known.code, message: known.message });
      }
      return undefined;
    }
  }

  /** How a network of mode gateway takes its way. */
  #through({ record, views, told }: Kept) {
    const { gate } = this;
    if (record.request.mode !== 'gateway' || !gate) return {};
    return {
      ends: () => gate.ends(),
      told,
      order: (seen: readonly SiteView[]) => {
        // A site that cannot be asked has what it had.
        for (const view of seen) views.set(view.site, view);
        return gate.order(record, record.sites.flatMap((s) => views.get(s.site) ?? []));
      },
    };
  }

  /** Another gateway of a site: its own hypervisors and the other sites' gateways send to it from now on, by what was last seen; no Neutron is waited for. */
  #tookOver(site: string): void {
    const end = this.gate?.ends().get(site);
    for (const kept of this.#kept.values()) {
      const { record, views } = kept;
      const place = record.sites.find((s) => s.site === site);
      // Who does not keep this network has no views of it.
      const view = views.get(site);
      if (record.request.mode !== 'gateway' || !place) continue;
      kept.dirty = true;
      kept.failures = 0;
      if (end && view && kept.agents.size > 0) {
        const change = redirectAt(view, { via: end.siteAddress, vni: place.vni, told: kept.told.get(site) }, true);
        const casts = change ? change.hosts.map((host) => this.#deps.driver.redirect(this.#deps.sites.get(site), host, change)) : [];
        // One that was not told is told by the next turn.
        if (change) void Promise.all(casts).then(() => kept.told.set(site, change.to), () => undefined);
        void Promise.allSettled([...casts, this.gate?.order(record, record.sites.flatMap((s) => views.get(s.site) ?? []))]);
      }
    }
    this.#ticks.wake();
  }

  async #listen(sites: ReadonlySet<string>, now: number): Promise<void> {
    for (const name of sites) {
      const entry = this.#listeners.get(name) ?? { triedAt: -Infinity };
      if (entry.listening?.active === true || now - entry.triedAt < LISTEN_RETRY_MS) continue;
      entry.triedAt = now;
      this.#listeners.set(name, entry);
      // Not awaited: a broker that does not answer holds up nothing else.
      void this.#deps.driver.listen(this.#deps.sites.get(name), (heard) => this.#heard(name, heard)).then(
        async (listening) => {
          if (this.#signal.aborted) return listening.close();
          entry.listening = listening;
        },
        (error: unknown) => this.#deps.log('debug', 'cannot listen to a site’s l2population', { site: name, error: String(error) }),
      );
    }
    for (const [name, entry] of this.#listeners) {
      if (sites.has(name)) continue;
      this.#listeners.delete(name);
      await entry.listening?.close();
    }
  }

  #heard(site: string, { networkId, vteps, gone }: Heard): void {
    for (const kept of this.#kept.values()) {
      if (!kept.record.sites.some((s) => s.site === site && s.networkId === networkId)) continue;
      // That ports which we made ourselves came is no news; that one went is, unless we are about it.
      const own = kept.frames.get(site)?.vteps;
      if (own && !(gone && !kept.work) && vteps.length > 0 && ![...own.values()].some((v) => vteps.includes(v)) && [...(kept.agents.get(site) ?? [])].some((a) => vteps.includes(a.vtep))) continue;
      kept.dirty = true;
      kept.failures = 0;
      this.#ticks.wake();
    }
  }

  #beat(now: number): void {
    if (now - this.#beatAt < this.#options.beatMs) return;
    this.#beatAt = now;
    const due = new Map<string, { site: string; remote: RemoteVtep }>();
    for (const kept of this.#kept.values()) for (const [site, agents] of kept.agents) for (const remote of agents) due.set(`${site} ${remote.host}`, { site, remote });
    for (const { site, remote } of due.values()) {
      this.#deps.driver.report(this.#deps.sites.get(site), remote).catch((error: unknown) => this.#deps.log('debug', 'a virtual agent could not give its sign of life', { site, host: remote.host, error: String(error) }));
    }
  }
}
