export { createProtection, type ProtectionOptions } from './service.ts';
export { Store, type Tables } from './store/store.ts';
export { migrate } from './store/migrations.ts';
export { systemClock, type Clock, type Deps } from './deps.ts';
export type { Caller, JobRef, ProtectionService } from './service-types.ts';
export * from './schemas.ts';
export type { Lacking, RecoveryNeeds, RecoveryResources } from './preflight/readiness.ts';
export type { RecoveryNetwork } from './preflight/stand-ins.ts';
export { manifestSchema, manifestVersion, type Manifest } from './manifest/schema.ts';
