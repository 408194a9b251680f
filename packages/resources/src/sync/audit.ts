import { TickLoop, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { makePlan, type ActivePolicy } from './plan.ts';
import { RevisionReader } from './revision-reader.ts';
import type { SyncReport } from './schemas.ts';

export interface AuditOptions extends Deps {
  readonly policies: () => Promise<readonly ActivePolicy[]>;
  /** Begins the sync of a policy whose drift is to be repaired. */
  readonly repair: (active: ActivePolicy) => Promise<void>;
}

const TICK_MS = 5_000;

/** The continuous audit: a plain loop. Each policy is looked at when its time has come, by whichever controller sees it first; drift is kept as its report, and repaired if the policy says so. */
export class AuditLoop {
  readonly #options: AuditOptions;
  readonly #readers = new Map<string, RevisionReader>();
  readonly #ticks: TickLoop;

  constructor(options: AuditOptions) {
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
    try {
      const policies = await this.#options.policies();
      for (const id of this.#readers.keys()) if (!policies.some((p) => p.id === id)) this.#readers.delete(id);
      for (const active of policies) {
        if (signal.aborted) return;
        await this.#due(active);
      }
    } catch (error) {
      if (!signal.aborted) this.#options.log('warn', 'the audit could not read its policies', { error: String(error) });
    }
  }

  async #due(active: ActivePolicy): Promise<void> {
    const { store, clock, log } = this.#options;
    const last = await store.audit(active.id);
    if (last && clock.now().getTime() - last.at.getTime() < active.policy.everySeconds * 1_000) return;
    try {
      const report = await this.audit(active);
      if (report.changes.length > 0 && active.policy.mode === 'repair') await this.#options.repair(active);
    } catch (error) {
      if (this.#ticks.signal.aborted) return;
      const known = toGodwitError(error);
      log('warn', 'an audit failed', { policy: active.policy.name, code: known.code, message: known.message });
      const empty: SyncReport = { policy: active.policy.name, at: clock.now().toISOString(), compared: 0, changes: [], conflicts: [], unreachable: [{ site: known.site ?? '', code: known.code, message: known.message }] };
      await store.putAudit(active.id, clock.now(), empty).catch(() => undefined);
    }
  }

  /** Looks once, and keeps what it found. */
  async audit(active: ActivePolicy): Promise<SyncReport> {
    const { store, clock } = this.#options;
    let reader = this.#readers.get(active.id);
    if (!reader) this.#readers.set(active.id, (reader = new RevisionReader()));
    reader.begin();
    const { report, agreed, gone } = await makePlan(this.#options, active, reader, this.#ticks.signal);
    await store.setBaseline(active.id, agreed, gone);
    await store.putAudit(active.id, clock.now(), report);
    return report;
  }
}
