import { z } from 'zod';

/** Shapes that people and programs see. Times are ISO 8601 in UTC. No key is in any of them: numbers and hashes only. */

const timestamp = z.iso.datetime();
const kind = z.enum(['fernet', 'credential']);

export const findingSchema = z.object({
  code: z.string(),
  message: z.string(),
  site: z.string().optional(),
  resource: z.string().optional(),
  action: z.string().optional(),
});
export type Finding = z.infer<typeof findingSchema>;

/** What a dry run answers, and what a refused job carries in its error’s details. */
export const starReportSchema = z.object({ ok: z.boolean(), subject: z.string(), findings: z.array(findingSchema), plan: z.array(z.string()).describe('what would be done, in order') });
export type StarReport = z.infer<typeof starReportSchema>;

export const rotationResultSchema = z.object({
  kind,
  generation: z.number().int(),
  primary: z.number().int().describe('index of the key that signs now'),
  keys: z.number().int(),
  nodes: z.number().int(),
  dropped: z.number().int().describe('keys that no living token can need'),
  seconds: z.number(),
});
export type RotationResult = z.infer<typeof rotationResultSchema>;

export const conditionSchema = z.object({ scope: z.string().describe('star, site NAME or node NAME'), type: z.string(), status: z.enum(['True', 'False', 'Unknown']), reason: z.string(), message: z.string(), since: timestamp });

export const keyStatusSchema = z.object({
  kind,
  generation: z.number().int(),
  phase: z.enum(['adopted', 'staged', 'promoted', 'pruned']),
  proven: z.boolean().describe('every node of the star has shown that it has it'),
  keys: z.array(z.object({ index: z.number().int(), role: z.enum(['staged', 'primary', 'secondary']), sha256: z.string(), neededUntil: timestamp.optional() })),
  rotatedAt: timestamp.optional().describe('since when all sign with the primary'),
  nextRotation: timestamp.optional(),
  jobId: z.string().optional().describe('of the rotation that is under way'),
});
export type KeyStatus = z.infer<typeof keyStatusSchema>;

export const nodeStatusSchema = z.object({
  name: z.string(),
  site: z.string(),
  address: z.string(),
  connected: z.boolean(),
  lastSeen: timestamp.optional(),
  ready: z.boolean().optional().describe('whether its agent lets HAProxy send it requests'),
  reasons: z.array(z.string()).describe('why not'),
  keys: z.record(z.string(), z.object({ generation: z.number().int(), inPlace: z.boolean(), text: z.string() })),
  clockSkewMs: z.number().optional(),
  diskFreeBytes: z.number().optional(),
  database: z
    .object({
      role: z.enum(['member', 'replica', 'none']),
      readOnly: z.boolean().optional(),
      state: z.string().describe('Synced, Following, Broken, Stopped, Diverged …'),
      lagSeconds: z.number().optional(),
      gtid: z.string().optional(),
      source: z.string().optional().describe('the node that feeds it, or an address that is none of the star’s'),
      wantedSource: z.string().optional().describe('the master site that feeds it by configuration'),
      detour: z.boolean().describe('it follows another, because its own source is gone'),
      error: z.string().optional(),
    })
    .optional(),
});
export type NodeStatus = z.infer<typeof nodeStatusSchema>;

export const cellSchema = z.object({
  from: z.string().describe('site that issued the token'),
  to: z.string().describe('site that was asked to validate it'),
  ok: z.boolean(),
  at: timestamp,
  latencyMs: z.number().describe('of the validation; of all its Keystones, the slowest'),
  validations: z.number().int().describe('since the controller started'),
  refusals: z.number().int(),
  targets: z.array(z.object({ target: z.string(), ok: z.boolean(), latencyMs: z.number(), code: z.string().optional(), message: z.string().optional() })),
});
export type Cell = z.infer<typeof cellSchema>;

export const revocationSchema = z.object({ at: timestamp, from: z.string(), refusedAfterMs: z.record(z.string(), z.number().nullable()).describe('by site; null: still accepted when it was given up') });
export type Revocation = z.infer<typeof revocationSchema>;

export const matrixSchema = z.object({ cells: z.array(cellSchema), revocation: revocationSchema.optional() });
export type Matrix = z.infer<typeof matrixSchema>;

export const siteStatusSchema = z.object({
  name: z.string(),
  role: z.enum(['master', 'replica']),
  state: z.enum(['outside', 'joining', 'member', 'leaving', 'left']),
  region: z.string().optional(),
  url: z.string(),
  nodes: z.array(nodeStatusSchema),
});
export type SiteStatus = z.infer<typeof siteStatusSchema>;

export const starStatusSchema = z.object({ ok: z.boolean(), keys: z.array(keyStatusSchema), sites: z.array(siteStatusSchema), conditions: z.array(conditionSchema), probe: matrixSchema });
export type StarStatus = z.infer<typeof starStatusSchema>;

export const checkSchema = z.object({
  site: z.string(),
  ok: z.boolean(),
  checks: z.array(z.object({ check: z.string(), ok: z.boolean(), code: z.string().optional(), message: z.string().optional(), action: z.string().optional() })),
});
export type StarCheck = z.infer<typeof checkSchema>;

export const renderKinds = ['haproxy', 'keystone', 'authtoken', 'mariadb'] as const;
export type RenderKind = (typeof renderKinds)[number];

export const membershipResultSchema = z.object({ site: z.string(), state: z.string(), nodes: z.array(z.string()), seeded: z.array(z.string()), seconds: z.number(), rotation: z.string().optional().describe('job that makes its keys worthless') });
export type MembershipResult = z.infer<typeof membershipResultSchema>;

export const adoptResultSchema = z.object({ node: z.string(), site: z.string(), fernet: z.number().int(), credential: z.number().int() });
export type AdoptResult = z.infer<typeof adoptResultSchema>;

export const repointResultSchema = z.object({ node: z.string(), source: z.string(), site: z.string(), seeded: z.boolean(), seconds: z.number(), gtid: z.string().optional() });
export type RepointResult = z.infer<typeof repointResultSchema>;
