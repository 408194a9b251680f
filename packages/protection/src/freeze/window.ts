import { GodwitError, toGodwitError, type GuestRef } from '@godwit/sites';
import type { PendingCall } from '@godwit/oslo-messaging';
import { stillOurs } from '@godwit/workflow';
import { dutyIsOurs } from './duty.ts';
import { firstRung, ladder } from './ladder.ts';
import type { ThawKeeper } from './keeper.ts';
import type { Suspect, ThawDeps } from './thaw.ts';

export interface NamedGuest extends GuestRef {
  readonly name: string;
}

export interface WindowOptions {
  readonly site: string;
  /** In the order in which they are frozen; thawed in reverse. */
  readonly guests: readonly NamedGuest[];
  readonly limitMs: number;
  /** The one thing done while all are frozen. Must heed the signal: past it the broker may thaw. */
  readonly inside: (signal: AbortSignal) => Promise<void>;
  readonly keeper: ThawKeeper;
  readonly progress: (phase: 'Quiescing' | 'Snapshotting' | 'Unquiescing', done: number, total: number) => void;
}

export interface WindowResult {
  /** When the first freeze was sent: nothing in the recovery point is newer than its end. ISO 8601. */
  readonly frozenAt: string;
  /** From the first freeze sent to the last thaw confirmed. */
  readonly windowMs: number;
  readonly insideMs: number;
}

const freezeTimeoutMs = 10_000;
const thawTimeoutMs = 5_000;

/**
 * Freezes guests in order, does one thing, thaws them in reverse. The dead-man switch of every guest is armed before the first
 * is frozen. Whatever fails, every guest that was or may have been frozen is handed to the keeper, and the error is thrown only
 * after a first round of thaws. A window that lasted until the broker might have thawed is a failure too: what was made in
 * it cannot be trusted.
 */
export async function freezeWindow(deps: ThawDeps, options: WindowOptions): Promise<WindowResult> {
  const { guests, limitMs, site } = options;
  const rungs = ladder(limitMs);
  const armedAt = performance.now();
  const trustedUntil = armedAt + firstRung(limitMs) - 500;
  try {
    await Promise.all(guests.map((g) => deps.compute.arm(g, rungs)));
  } catch (error) {
    await Promise.allSettled(guests.map((g) => deps.compute.disarm(g)));
    throw toGodwitError(error, { site, resource: 'dead-man switch' });
  }
  const suspects: Suspect[] = [];
  const frozenAt = deps.clock.now();
  const begun = performance.now();
  let insideMs = 0;
  let inTime: AbortSignal | undefined;
  try {
    for (const [n, guest] of guests.entries()) {
      options.progress('Quiescing', n, guests.length);
      // One that was taken over meanwhile must freeze nothing: its successor has thawed, and taken the switch away.
      await stillOurs();
      // A process that was stopped for a while must not freeze a guest whose thaws may have been spent meanwhile.
      if (performance.now() > trustedUntil) throw overrun(site, limitMs);
      const freeze = deps.compute.quiesce(guest, Math.max(1, Math.min(freezeTimeoutMs, trustedUntil - performance.now())));
      suspects.push({ guest, limitMs, freeze, freezeExpiresAt: new Date(deps.clock.now().getTime() + freezeTimeoutMs + 2_000) });
      await frozen(site, guest, freeze, () => suspects.pop());
    }
    options.progress('Snapshotting', guests.length, guests.length);
    const insideBegun = performance.now();
    inTime = AbortSignal.timeout(Math.max(1, Math.floor(trustedUntil - insideBegun)));
    await options.inside(inTime);
    insideMs = performance.now() - insideBegun;
    for (let n = guests.length - 1; n >= 0; n--) {
      const guest = guests[n] as NamedGuest;
      if (!(await dutyIsOurs())) throw taken(site);
      await deps.compute.unquiesce(guest, thawTimeoutMs).result;
      suspects.splice(suspects.findIndex((s) => s.guest === guest), 1);
    }
  } catch (error) {
    if (!(await dutyIsOurs())) throw error;
    const late = inTime?.aborted === true || performance.now() > trustedUntil;
    await abandon(deps, options, suspects);
    if (late) throw overrun(site, limitMs, error);
    throw toGodwitError(error, { site });
  }
  const ended = performance.now();
  options.progress('Unquiescing', guests.length, guests.length);
  if (!(await dutyIsOurs())) throw taken(site);
  const left = await Promise.all(guests.map((g) => deps.compute.disarm(g).catch(() => rungs.length)));
  if (ended > trustedUntil || left.some((n) => n < rungs.length)) throw overrun(site, limitMs);
  return { frozenAt: frozenAt.toISOString(), windowMs: ended - begun, insideMs };
}

/** nova-compute's own word that it has frozen nothing, nor will. Anything else leaves the guest a suspect. */
const refusals = new Set(['InstanceQuiesceFailed', 'InstanceQuiesceNotSupported', 'QemuGuestAgentNotEnabled', 'InstanceNotFound', 'UnsupportedVersion']);

async function frozen(site: string, guest: NamedGuest, freeze: PendingCall, acquit: () => void): Promise<void> {
  try {
    await freeze.result;
  } catch (cause) {
    if (refusals.has((cause as { remote?: { class?: string } }).remote?.class ?? '')) acquit();
    const error = toGodwitError(cause, { site, resource: `server ${guest.name}` });
    throw new GodwitError('GW_QUIESCE_FAILED', 'terminal', `${site}: server ${guest.name} was not frozen: ${error.message}`, {
      site,
      resource: `server ${guest.name}`,
      action: 'Check qemu-guest-agent in the guest; nothing was kept of this attempt and every guest is thawed.',
      cause,
    });
  }
}

/** Long enough for a guest with a working agent; a hung one goes on being looked after in the background. */
const firstRoundMs = 8_000;

async function abandon(deps: ThawDeps, options: WindowOptions, suspects: readonly Suspect[]): Promise<void> {
  const duties = [...suspects].reverse().map((s) => options.keeper.keep(deps, s));
  const never = options.guests.filter((g) => !suspects.some((s) => s.guest === g));
  await Promise.allSettled(never.map((g) => deps.compute.disarm(g)));
  await Promise.race([Promise.allSettled(duties), deps.clock.sleep(firstRoundMs)]);
}

const taken = (site: string): GodwitError => new GodwitError('GW_JOB_TAKEN_OVER', 'terminal', `${site}: another controller has taken the job over, and looks after its guests`, { site });

const overrun = (site: string, limitMs: number, cause?: unknown): GodwitError =>
  new GodwitError('GW_WINDOW_OVERRUN', 'terminal', `${site}: the snapshot was not finished within the freeze limit of ${limitMs / 1000} s, so the guests were thawed and nothing was kept`, {
    site,
    action: 'Raise the policy’s freeze limit, or find out why the group snapshot is slow.',
    cause,
  });
