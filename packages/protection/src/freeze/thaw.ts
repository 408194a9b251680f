import type { PendingCall } from '@godwit/oslo-messaging';
import type { GuestRef, NovaCompute } from '@godwit/sites';
import type { Clock } from '../deps.ts';
import { dutyIsOurs } from './duty.ts';
import { ladder } from './ladder.ts';

export interface ThawDeps {
  readonly compute: NovaCompute;
  readonly clock: Clock;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void;
}

/** A guest that is, or may yet become, frozen. */
export interface Suspect {
  readonly guest: GuestRef;
  readonly limitMs: number;
  /** Left out when the freeze was answered, or was never sent. */
  readonly freeze?: PendingCall;
  /** When the freeze's message can no longer be taken from its queue, so that it cannot begin after it. */
  readonly freezeExpiresAt?: Date;
}

const callTimeoutMs = 5_000;
const retryMs = 1_000;

/**
 * Calls unquiesce until the guest is known to be thawed and to stay so: the call has succeeded, and no freeze of ours is still
 * under way. A hung agent can carry out a freeze long after its caller gave up, so success alone is not enough: the freeze's own
 * reply must have come, or, when its reply queue is lost, its message must have expired. The dead-man switch is armed anew all the
 * while, and released in the end.
 */
export async function thawUntilSure(deps: ThawDeps, suspect: Suspect, signal: AbortSignal): Promise<void> {
  const { guest, freeze } = suspect;
  let answered = (freeze === undefined ? 'replied' : 'no') as 'replied' | 'lost' | 'no';
  void freeze?.settled.then((how) => (answered = how));
  let armedAt = deps.clock.now().getTime();
  for (;;) {
    signal.throwIfAborted();
    if (!(await dutyIsOurs())) return;
    const begun = deps.clock.now();
    const mayNotBegin = answered === 'replied' || (answered === 'lost' && begun > (suspect.freezeExpiresAt ?? begun));
    const outcome = await tryThaw(deps, guest);
    if (outcome === 'gone' || (outcome === 'thawed' && mayNotBegin)) break;
    if (begun.getTime() - armedAt > suspect.limitMs / 2) {
      // Armed late is better than not at all; that the broker is away shows in the next call.
      await deps.compute.arm(guest, ladder(suspect.limitMs)).catch((e: unknown) => deps.log('warn', 'dead-man switch not re-armed', { server: guest.serverId, error: String(e) }));
      armedAt = begun.getTime();
    }
    await deps.clock.sleep(retryMs, signal);
  }
  await deps.compute.disarm(guest).catch((e: unknown) => deps.log('warn', 'dead-man switch not released; its thaws do no harm', { server: guest.serverId, error: String(e) }));
}

async function tryThaw(deps: ThawDeps, guest: GuestRef): Promise<'thawed' | 'gone' | 'not yet'> {
  try {
    await deps.compute.unquiesce(guest, callTimeoutMs).result;
    return 'thawed';
  } catch (error) {
    const remote = (error as { remote?: { class?: string; message?: string } }).remote;
    if (remote?.class === 'InstanceNotFound') return 'gone';
    // libvirt 55: the domain is not running; its file systems are not frozen any more than a switched-off machine's.
    if (remote?.class === 'InternalError' && /domain is not running|error code 55|\[55\]/i.test(remote.message ?? '')) return 'gone';
    deps.log('info', 'not thawed yet', { server: guest.serverId, host: guest.host, error: String(error) });
    return 'not yet';
  }
}
