/** Use case 2: one network over several Neutrons. */
export type { Caller as NetworkCaller } from './caller.ts';
export { createNetworkService, type NetworkOptions, type NetworkService } from './service.ts';
export { l2populationDriver } from './driver/l2population.ts';
export type { GatewayLead, GatewayNode, GatewayNodes, GatewayReport as BorderGatewayReport, GatewaySpec, GatewayStand as BorderGatewayStand } from './gateway/types.ts';
export type { AddressEntry, Driver, Heard, Listening, Redirect, RemoteVtep } from './driver/types.ts';
export { type Move as MovedNetworkPort, standsFor } from './moved.ts';
export * from './schemas.ts';
export * from './vip/schemas.ts';
export type { GroupPlace, VipRecord } from './vip/types.ts';
export type { VipService } from './vip/service.ts';
export { migrateNetwork } from './store/migrations.ts';
export { SqlNetworkStore, type NetworkTables } from './store/sql-store.ts';
export type { NetworkRecord, NetworkStore } from './store/types.ts';
