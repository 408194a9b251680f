import type { Cloud } from '@godwit/openstack';
import type { RpcClient, RpcMessage } from '@godwit/oslo-messaging';

/** What a run of the suite has asked: calls of the client by name, with the fields that were given, and RPC messages. */
export class Covered {
  readonly calls = new Map<string, Set<string>>();
  readonly messages = new Set<string>();
  readonly rpc = new Set<string>();

  call(api: string, args: readonly unknown[]): void {
    const keys = this.calls.get(api) ?? new Set<string>();
    for (const arg of args) for (const key of keysOf(arg)) keys.add(key);
    this.calls.set(api, keys);
  }

  message({ target, method }: RpcMessage): void {
    this.messages.add(messageName(target.exchange, target.topic, method, target.version));
  }
}

export const messageName = (exchange: string, topic: string, method: string, version: string): string => `${exchange}/${topic} ${method} ${version}`;

/** Of every call of the client, not of the request: they say how, not what. */
export const callOptions = new Set(['signal', 'timeoutMs', 'retries']);

/** Of maps the names are data: no more counts than that one was given. */
export const isData = (field: string): boolean => field === 'metadata';

/** `name`, `server.networks[].port`: what a caller gave. */
function keysOf(value: unknown, prefix = '', depth = 0): string[] {
  if (depth > 4 || typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof AbortSignal) return [];
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, `${prefix}[]`, depth + 1));
  return Object.entries(value).flatMap(([key, item]) => {
    if (item === undefined || (depth === 0 && callOptions.has(key))) return [];
    const name = prefix === '' ? key : `${prefix}.${key}`;
    return isData(key) ? [name] : [name, ...keysOf(item, name, depth + 1)];
  });
}

/** A client that notes what is asked of it. */
export function observedCloud(cloud: Cloud, covered: Covered): Cloud {
  const wrap = (target: object, path: string): object =>
    new Proxy(target, {
      get: (object, key, receiver) => {
        const value: unknown = Reflect.get(object, key, receiver);
        if (typeof key !== 'string' || key === 'config' || key === 'close') return value;
        const name = path === '' ? key : `${path}.${key}`;
        if (typeof value === 'function') {
          return (...args: unknown[]): unknown => {
            covered.call(name, args);
            return (value as (...a: unknown[]) => unknown).apply(object, args);
          };
        }
        return typeof value === 'object' && value !== null ? wrap(value, name) : value;
      },
    });
  return wrap(cloud, '') as Cloud;
}

export function observedRpc(client: RpcClient, covered: Covered): RpcClient {
  return new Proxy(client, {
    get: (object, key) => {
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      return (...args: unknown[]): unknown => {
        covered.rpc.add(key);
        const messages = key === 'hold' ? (args[1] as { message: RpcMessage }[]).map((held) => held.message) : ['call', 'cast', 'fanout'].includes(key) ? [args[0] as RpcMessage] : [];
        for (const message of messages) covered.message(message);
        return (value as (...a: unknown[]) => unknown).apply(object, args);
      };
    },
  });
}
