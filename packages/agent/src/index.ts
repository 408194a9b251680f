export { AgentError, reason, type ErrorKind } from './protocol/errors.ts';
export { defineCommand, type Command } from './protocol/command.ts';
export {
  agentReport, alpn, controllerName, fromAgent, fromHub, maxFrameFromAgent, maxFrameFromHub, protocolVersion, quietMs, roles,
  type AgentReport, type FromAgent, type FromHub, type RoleName, type WireError,
} from './protocol/frames.ts';
export {
  databaseReport, keystone, keystoneReport, keystoneSettings, repositoryReport,
  type DatabaseReport, type KeyHash, type KeyKind, type KeyOrder, type KeySet, type KeystoneReport, type KeystoneSettings, type RepositoryReport,
} from './protocol/keystone.ts';
export { storage, storageReport, type ImageState, type Marked, type MirrorMode, type StorageReport } from './protocol/storage.ts';
export { gateway, gatewayDigest, gatewayReport, type GatewayNetwork, type GatewayReport, type GatewayStand } from './protocol/gateway.ts';
export { LineReader, toLine } from './protocol/lines.ts';
export { formatToken, parseToken, tokenHash, type Token } from './protocol/token.ts';
export { name as agentName, type Address, type Problem } from './protocol/values.ts';
