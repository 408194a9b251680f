import { at, GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Prepared } from '../protect/prepare.ts';
import { onceDatabaseIsBack, type Patience } from '../store/away.ts';
import type { ProtectDeps, ProtectInput } from '../protect/workflow.ts';
import { freezeWindow, type NamedGuest, type WindowResult } from './window.ts';

const guestsOf = (prepared: Prepared): NamedGuest[] => prepared.servers.map((s) => ({ serverId: s.id, host: s.host, name: s.name }));

/**
 * The freeze window of a point. It is written down before it opens: when a process finds it open, another died inside, nothing of that
 * window can be trusted, and this point has failed. Everything that could be fetched before is fetched before.
 */
export async function pointWindow(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext, inside: (signal: AbortSignal) => Promise<void>): Promise<WindowResult> {
  const site = deps.sites.get(prepared.source);
  const cloud = site.asProject(prepared.group.project);
  const patience: Patience = { sleep: deps.clock.sleep, signal: s.signal };
  const openedAt = deps.clock.now();
  // Begun again, the step would take its own note for that of a dead one: so a database that is away is waited for right here.
  if (!(await onceDatabaseIsBack(() => deps.store.openWindow(input.pointId, openedAt), patience))) throw interrupted(prepared.source);
  await at(site.name, async () => {
    await cloud.session.warm(['volume']);
    await site.rpc().ready(5_000);
  });
  const window = await freezeWindow(
    { compute: site.compute, clock: deps.clock, log: deps.log },
    {
      site: site.name,
      guests: guestsOf(prepared),
      limitMs: prepared.group.policy.freezeLimitSeconds * 1_000,
      keeper: deps.keeper,
      progress: (phase, done, total) => s.progress({ phase, done, total, unit: 'members' }),
      inside,
    },
  );
  // The guests are thawed: there is time.
  await onceDatabaseIsBack(() => deps.store.closeWindow(input.pointId, deps.clock.now()), patience);
  return window;
}

const thawPatienceMs = 30_000;

/**
 * After a failure: every guest surely thawed. Waits for the thaws for a while; a guest whose agent hangs is looked after by the keeper for as
 * long as it takes.
 */
export async function thawPoint(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, signal: AbortSignal): Promise<void> {
  const { compute } = deps.sites.get(prepared.source);
  const limitMs = prepared.group.policy.freezeLimitSeconds * 1_000;
  const duties = guestsOf(prepared).reverse().map((guest) => deps.keeper.keep({ compute, clock: deps.clock, log: deps.log }, { guest, limitMs }));
  await Promise.race([Promise.all(duties), deps.clock.sleep(thawPatienceMs, signal)]);
  await deps.store.closeWindow(input.pointId, deps.clock.now());
}

const interrupted = (site: string): GodwitError =>
  new GodwitError('GW_WINDOW_INTERRUPTED', 'terminal', `${site}: the controller died inside the freeze window, or was interrupted in it; the guests are thawed and nothing was kept of it`, {
    site,
    action: 'Protect again.',
  });
