export * from './nodes.ts';
export * from './schemas.ts';
export { createIdentity, type IdentityOptions } from './service.ts';
export type { IdentityService } from './service-types.ts';
export { migrateIdentity } from './store/migrations.ts';
export { SqlIdentityStore, type IdentityTables } from './store/sql-store.ts';
export type { Clock } from './deps.ts';
