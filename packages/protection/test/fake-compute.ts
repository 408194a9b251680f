import { createMemoryBroker, createRpcClient, remoteFailure, type MemoryBroker, type RpcClient } from '@godwit/oslo-messaging';
import { createNovaCompute, type NovaCompute } from '@godwit/sites';

/** A guest as nova-compute sees it. */
export class FakeGuest {
  frozen = false;
  /** The agent does not answer; what was asked of it happens when it comes back. */
  hung = false;
  /** No agent at all. */
  absent = false;
  readonly history: { readonly at: number; readonly what: 'freeze' | 'thaw' }[] = [];
  #waiting: (() => void)[] = [];

  set(what: 'freeze' | 'thaw'): void {
    const frozen = what === 'freeze';
    if (this.frozen !== frozen) this.history.push({ at: performance.now(), what });
    this.frozen = frozen;
  }

  async answered(): Promise<void> {
    if (this.hung) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get freezing(): boolean {
    return this.#waiting.length > 0;
  }

  comeBack(): void {
    this.hung = false;
    for (const go of this.#waiting.splice(0)) go();
  }
}

export interface FakeSite {
  readonly broker: MemoryBroker;
  readonly client: RpcClient;
  readonly compute: NovaCompute;
  readonly guests: Map<string, FakeGuest>;
  /** In order, `freeze A`, `thaw B` … */
  readonly order: string[];
  close(): Promise<void>;
}

export const host = 'c1';

/** nova-compute's answers as they were measured on the real one (libvirt's error codes included). */
export async function fakeSite(ids: readonly string[]): Promise<FakeSite> {
  const broker = createMemoryBroker();
  const guests = new Map(ids.map((id) => [id, new FakeGuest()]));
  const order: string[] = [];
  const daemon = createRpcClient({ url: broker.url, transport: broker.transport });
  await daemon.serve({ exchange: 'nova', topic: 'compute', server: host, version: '6.4' }, async (method, args) => {
    const uuid = ((args['instance'] as Record<string, unknown>)['nova_object.data'] as { uuid: string }).uuid;
    const guest = guests.get(uuid);
    if (!guest) throw remoteFailure({ class: 'InstanceNotFound', module: 'nova.exception' });
    if (guest.absent) throw remoteFailure({ class: 'InstanceQuiesceFailed', module: 'nova.exception', message: 'libvirt error code 86' });
    if (method === 'unquiesce_instance') {
      if (guest.freezing) throw remoteFailure({ class: 'InternalError', message: 'libvirt error code 68' });
      if (guest.frozen) order.push(`thaw ${uuid}`);
      guest.set('thaw');
      return null;
    }
    if (guest.frozen) throw remoteFailure({ class: 'InternalError', message: 'libvirt error code 113' });
    await guest.answered();
    order.push(`freeze ${uuid}`);
    guest.set('freeze');
    return null;
  });
  const client = createRpcClient({ url: broker.url, transport: broker.transport });
  await client.ready();
  return {
    broker,
    client,
    guests,
    order,
    compute: createNovaCompute(() => client, { isAdmin: true, userId: 'u', projectId: 'p', roles: ['admin'] }),
    close: async () => {
      await client.close();
      await daemon.close();
    },
  };
}

/** Milliseconds of the longest time that a guest was frozen. */
export function longestFreeze(guest: FakeGuest): number {
  let longest = 0;
  for (const [n, event] of guest.history.entries()) {
    if (event.what !== 'freeze') continue;
    const end = guest.history[n + 1]?.at ?? performance.now();
    longest = Math.max(longest, end - event.at);
  }
  return longest;
}
