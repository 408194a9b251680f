/** oslo.messaging's RPC over RabbitMQ: call, cast, fan-out, serve, and messages that the broker itself sends later. */
export { createRpcClient, type RpcClientOptions } from './client.ts';
export { type RpcClock, systemClock } from './clock.ts';
export { type RemoteError, RPC_ERRORS, RpcError, type RpcErrorCode } from './errors.ts';
export { remoteFailure } from './failure.ts';
export type { RpcLog } from './log.ts';
export { type BrokerHost, parseTransportUrl, redactUrl, type TransportUrl } from './transport-url.ts';
export type * from './transport.ts';
export { createManualClock, type ManualClock } from './testing/manual-clock.ts';
export { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions, type QueueInfo } from './testing/memory-broker.ts';
export type * from './types.ts';
export { assertSafeObjects, versionedObject, type VersionedObject } from './versioned-object.ts';
