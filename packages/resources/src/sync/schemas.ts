import { z } from 'zod';
import { syncKinds } from './types.ts';

const projectName = z.string().regex(/^[^/]+\/.+$/, 'DOMAIN/NAME');

export const syncPolicySchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
  kinds: z.array(z.enum(syncKinds)).min(1),
  sites: z.array(z.string().min(1)).min(2).max(200),
  source: z.string().min(1).describe('the site that is right; or `agreement`: whoever changed something since the sites last agreed, refused when two did'),
  names: z.array(z.string().min(1)).optional().describe('only these; * stands for anything'),
  tags: z.array(z.string().min(1)).optional().describe('only what has one of them (security groups)'),
  projects: z.array(projectName).optional().describe('default: your own; others for administrators'),
  users: z.array(projectName).optional().describe('whose keypairs; default: yours; others for administrators'),
  mode: z.enum(['report', 'repair']).default('report').describe('what the audit does with drift'),
  delete: z.boolean().default(false).describe('what is gone at the source goes elsewhere too, if it had come from there'),
  everySeconds: z.int().min(10).max(86_400).default(300).describe('between two audits'),
});
export type SyncPolicyInput = z.input<typeof syncPolicySchema>;
export type SyncPolicy = z.output<typeof syncPolicySchema>;

export const storedSyncPolicySchema = syncPolicySchema.extend({ id: z.string(), owner: z.string().describe('project that made it; empty: administrators') });

const fieldChange = z.object({ field: z.string(), from: z.string().optional(), to: z.string().optional() });
export const syncChangeSchema = z.object({
  site: z.string(),
  kind: z.enum(syncKinds),
  key: z.string(),
  action: z.enum(['create', 'update', 'delete']),
  fields: z.array(fieldChange),
  outcome: z.enum(['planned', 'done', 'failed']).default('planned'),
  message: z.string().optional(),
});
export type SyncChange = z.infer<typeof syncChangeSchema>;

export const syncConflictSchema = z.object({ site: z.string(), kind: z.enum(syncKinds), key: z.string(), code: z.string(), reason: z.string() });
export type SyncConflict = z.infer<typeof syncConflictSchema>;

export const syncReportSchema = z.object({
  policy: z.string(),
  at: z.string(),
  compared: z.int().describe('resources looked at, over all sites'),
  changes: z.array(syncChangeSchema),
  conflicts: z.array(syncConflictSchema).describe('what Godwit does not decide'),
  unreachable: z.array(z.object({ site: z.string(), code: z.string(), message: z.string() })),
});
export type SyncReport = z.infer<typeof syncReportSchema>;
