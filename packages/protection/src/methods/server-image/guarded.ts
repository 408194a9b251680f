import { GodwitError, toGodwitError } from '@godwit/sites';
import { dutyIsOurs } from '../../freeze/duty.ts';
import type { ThawKeeper } from '../../freeze/keeper.ts';
import { firstRung, ladder } from '../../freeze/ladder.ts';
import type { ThawDeps } from '../../freeze/thaw.ts';
import type { NamedGuest } from '../../freeze/window.ts';

export interface Guarded<T> {
  readonly value: T;
  /** ISO 8601 */
  readonly begunAt: string;
  /** The longest for which the guest can have stood still. */
  readonly windowMs: number;
  readonly insideMs: number;
}

export interface GuardOptions {
  readonly site: string;
  readonly guest: NamedGuest;
  readonly limitMs: number;
  readonly keeper: ThawKeeper;
  readonly signal: AbortSignal;
  /** What is made is only good when the guest was frozen all the while: then a thaw by the broker makes it worthless. */
  readonly wholly: boolean;
}

const thawTimeoutMs = 5_000;
const firstRoundMs = 8_000;

/**
 * Nova freezes the guest by itself while it makes an image, and thaws it; when nova-api dies in between, nothing thaws it. So the dead-man
 * switch is armed here as well, and in the end the thaw is confirmed. On an error the guest is handed to the keeper.
 */
export async function guardedFreeze<T>(deps: ThawDeps, o: GuardOptions, inside: (signal: AbortSignal) => Promise<T>): Promise<Guarded<T>> {
  const { guest, limitMs, site } = o;
  const rungs = ladder(limitMs);
  const begun = performance.now();
  const begunAt = deps.clock.now().toISOString();
  const trustedUntil = begun + firstRung(limitMs) - 500;
  try {
    await deps.compute.arm(guest, rungs);
  } catch (error) {
    await deps.compute.disarm(guest).catch(() => undefined);
    throw toGodwitError(error, { site, resource: 'dead-man switch' });
  }
  let value: T;
  let insideMs = 0;
  try {
    const inTime = o.wholly ? [AbortSignal.timeout(Math.max(1, Math.floor(trustedUntil - performance.now())))] : [];
    value = await inside(AbortSignal.any([o.signal, ...inTime]));
    insideMs = performance.now() - begun;
    if (!(await dutyIsOurs())) throw taken(site);
    await deps.compute.unquiesce(guest, thawTimeoutMs).result;
  } catch (error) {
    if (!(await dutyIsOurs())) throw error;
    const late = o.wholly && performance.now() > trustedUntil;
    await Promise.race([o.keeper.keep(deps, { guest, limitMs }).catch(() => undefined), deps.clock.sleep(firstRoundMs)]);
    o.signal.throwIfAborted();
    throw late ? overrun(site, guest.name, limitMs, error) : toGodwitError(error, { site, resource: `server ${guest.name}` });
  }
  const ended = performance.now();
  if (!(await dutyIsOurs())) throw taken(site);
  const left = await deps.compute.disarm(guest).catch(() => rungs.length);
  if (o.wholly && (ended > trustedUntil || left < rungs.length)) throw overrun(site, guest.name, limitMs);
  return { value, begunAt, windowMs: Math.min(ended - begun, limitMs), insideMs };
}

const taken = (site: string): GodwitError => new GodwitError('GW_JOB_TAKEN_OVER', 'terminal', `${site}: another controller has taken the job over, and looks after its guests`, { site });

const overrun = (site: string, server: string, limitMs: number, cause?: unknown): GodwitError =>
  new GodwitError('GW_WINDOW_OVERRUN', 'terminal', `${site}: the image of server ${server} was not finished within the freeze limit of ${limitMs / 1000} s, so the guest was thawed and nothing was kept`, {
    site,
    resource: `server ${server}`,
    action: 'Raise the policy’s freeze limit, or find out why Nova’s snapshots are slow.',
    cause,
  });
