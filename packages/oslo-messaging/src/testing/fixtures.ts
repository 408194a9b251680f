import { createRpcClient, type RpcClientOptions } from '../client.ts';
import type { RpcClient, RpcMessage, RpcTarget } from '../types.ts';
import { versionedObject } from '../versioned-object.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions } from './memory-broker.ts';

export const compute: RpcTarget = { exchange: 'nova', topic: 'compute', server: 'host1', version: '6.0' };

export const message = (method: string, over: Partial<RpcMessage> = {}): RpcMessage => ({
  target: compute,
  method,
  args: { instance: versionedObject({ name: 'Instance', namespace: 'nova', version: '2.0', data: { uuid: 'u1' } }) },
  context: { isAdmin: true, userId: 'u', projectId: 'p', roles: ['admin'] },
  ...over,
});

export interface Rig {
  readonly clock: ManualClock;
  readonly broker: MemoryBroker;
  /** The client under test. */
  readonly client: RpcClient;
  /** A second one, to play nova-compute. */
  readonly daemon: RpcClient;
  connect(over?: Partial<RpcClientOptions>): RpcClient;
  close(): Promise<void>;
}

/** A broker in memory with two clients, all on one manual clock. */
export function createRig(options: Omit<MemoryBrokerOptions, 'clock'> = {}): Rig {
  const clock = createManualClock();
  const broker = createMemoryBroker({ ...options, clock });
  const clients: RpcClient[] = [];
  const connect = (over: Partial<RpcClientOptions> = {}): RpcClient => {
    const client = createRpcClient({ url: broker.url, transport: broker.transport, clock, random: () => 0, ...over });
    clients.push(client);
    return client;
  };
  const client = connect();
  const daemon = connect();
  return {
    clock, broker, client, daemon, connect,
    async close() {
      await Promise.all(clients.map((each) => each.close()));
    },
  };
}
