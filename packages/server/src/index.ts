export { startController, type Controller, type ControllerOptions } from './controller.ts';
export { authenticator, type AuthenticatorOptions } from './auth/authenticator.ts';
export { createLog } from './log.ts';
export { createServer } from './server.ts';
export type { Authenticate, Clock, Credentials, Identity, Level, Principal, RoleNames, ServerDeps } from './types.ts';
export { storageNodes } from './wiring/storage-nodes.ts';
