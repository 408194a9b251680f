export { createHub, type HubOptions } from './hub.ts';
export type { Tables as AgentTables } from './store/tables.ts';
export type { AgentHub, AgentInfo, CreatedToken, TokenRequest } from './types.ts';
// Those who call agents need what they can be told.
export { agentName, agentReport, keystone, keystoneReport, repositoryReport, databaseReport, gateway, gatewayReport, roles, storage, storageReport } from '@godwit/agent';
export type { AgentReport, Command, DatabaseReport, GatewayNetwork, GatewayReport, KeyKind, KeyOrder, KeySet, KeystoneReport, ImageState, Marked, MirrorMode, RepositoryReport, RoleName, StorageReport } from '@godwit/agent';
