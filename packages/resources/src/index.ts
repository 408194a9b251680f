export { createResources, type ResourcesOptions } from './service.ts';
export type { JobRef as ResourceJobRef, ResourcesService } from './service-types.ts';
export { Store as ResourceStore, type Tables as ResourceTables } from './store/store.ts';
export { migrateResources } from './store/migrations.ts';
export * from './images/schemas.ts';
export { pullRequestSchema, type PullRequest, type PullTicket } from './images/pull.ts';
export * from './policies/schemas.ts';
export * from './sync/schemas.ts';
export { syncKinds } from './sync/types.ts';
export * from './quotas/schemas.ts';
export * from './readiness/schemas.ts';
export * from './views/schemas.ts';
// For benchmarks: what an audit and a relay are made of.
export { relay, type Relayed, type RelayOptions, type RelayTarget } from './images/relay.ts';
export { readSource } from './images/read-source.ts';
export { makePlan, type ActivePolicy } from './sync/plan.ts';
export { RevisionReader } from './sync/revision-reader.ts';
