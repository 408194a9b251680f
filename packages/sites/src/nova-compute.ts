import { versionedObject, type HeldCast, type PendingCall, type RpcClient, type RpcContext, type RpcMessage } from '@godwit/oslo-messaging';

/**
 * nova-compute's own RPC, as far as Nova has no API for it. Measured against nova-compute 31 (2025.1): the manager takes RPC 6.0,
 * and an Instance of object version 2.0 with the few fields it reads. Anything newer can poison a cell's conductor, so the
 * messaging layer refuses it.
 */
export interface NovaCompute {
  /**
   * Freezes a guest's file systems through its agent. Fails with RPC_REMOTE: InternalError (libvirt 113) when it is frozen already,
   * InstanceQuiesceFailed (86) without an agent, InstanceNotFound; a hung agent gives no answer at all (RPC_TIMEOUT), and the
   * freeze may still happen later: watch `settled`.
   */
  quiesce(guest: GuestRef, timeoutMs: number): PendingCall;
  /** Thaws; thawing a thawed guest is success. Nova itself only casts this; as a call it confirms the thaw. */
  unquiesce(guest: GuestRef, timeoutMs: number): PendingCall;
  /**
   * Arms the dead-man switch: the broker itself sends nova-compute a thaw when each of these many milliseconds have passed,
   * whatever became of us. Arming again replaces.
   */
  arm(guest: GuestRef, afterMs: readonly number[]): Promise<void>;
  /** Disarms; resolves with how many thaws were still held (fewer than armed: one has fired; 0 when nothing was armed). */
  disarm(guest: Pick<GuestRef, 'serverId'>): Promise<number>;
  /** Thaws still held for a guest; undefined when nothing is armed. */
  armed(guest: Pick<GuestRef, 'serverId'>): Promise<number | undefined>;
}

export interface GuestRef {
  readonly serverId: string;
  /** OS-EXT-SRV-ATTR:host, the name under which its nova-compute listens. */
  readonly host: string;
}

const version = '6.0';

export const thawQueue = (serverId: string): string => `godwit.thaw.${serverId}`;

export function createNovaCompute(client: () => RpcClient, context: RpcContext): NovaCompute {
  const message = (method: 'quiesce_instance' | 'unquiesce_instance', guest: GuestRef): RpcMessage => ({
    target: { exchange: 'nova', topic: 'compute', server: guest.host, version },
    method,
    args: { instance: instance(guest.serverId) },
    context,
  });
  return {
    quiesce: (guest, timeoutMs) => client().call(message('quiesce_instance', guest), { timeoutMs }),
    unquiesce: (guest, timeoutMs) => client().call(message('unquiesce_instance', guest), { timeoutMs }),
    arm: (guest, afterMs) => client().hold(thawQueue(guest.serverId), afterMs.map((ms): HeldCast => ({ message: message('unquiesce_instance', guest), afterMs: ms }))),
    disarm: (guest) => client().release(thawQueue(guest.serverId)),
    armed: (guest) => client().held(thawQueue(guest.serverId)),
  };
}

/**
 * system_metadata is sent along because its lazy load took 28 s when measured; it asserts the image property, so whoever
 * freezes must have checked the real one before (preflight does).
 */
function instance(uuid: string): unknown {
  return versionedObject({
    name: 'Instance',
    namespace: 'nova',
    version: '2.0',
    data: { uuid, id: 1, image_ref: '', system_metadata: { image_hw_qemu_guest_agent: 'yes' } },
  });
}
