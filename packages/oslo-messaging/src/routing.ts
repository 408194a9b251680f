import { RpcError } from './errors.ts';
import type { RpcTarget } from './types.ts';

export const routingKey = (target: RpcTarget): string => (target.server === undefined ? target.topic : `${target.topic}.${target.server}`);

export const fanoutExchange = (target: RpcTarget): string => `${target.topic}_fanout`;

export const describeTarget = (target: RpcTarget): string => `${target.exchange}/${routingKey(target)}`;

export function noRoute(target: RpcTarget, outcome: 'no-queue' | 'no-exchange'): RpcError {
  const why = outcome === 'no-queue' ? 'no queue is bound there' : `the broker has no exchange ${target.exchange}`;
  return new RpcError('RPC_NO_ROUTE', `Nobody listens at ${describeTarget(target)}: ${why}. The service is not running, not yet connected, or has another host name.`);
}
