export * from './types.ts';
export { createEngine } from './engine.ts';
export { databaseError, ofTheDriver } from './database-error.ts';
export { isDatabaseAway } from './db.ts';
export { crashHookFromEnv } from './crash-hook.ts';
export { globalRequestId, stillOurs } from './lease.ts';
export { toJobError, WorkflowError } from './errors.ts';
export { startEmbeddedPostgres } from './postgres/supervisor.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './postgres/supervisor.ts';
