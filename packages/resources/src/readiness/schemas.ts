import { z } from 'zod';

const list = z.array(z.string().min(1)).max(500).default([]);
export const readinessRequestSchema = z.strictObject({
  at: z.string().min(1).describe('the site that is to have them'),
  from: z.string().min(1).describe('the site that they are compared with'),
  images: list,
  keypairs: list.describe('of the caller'),
  flavors: list,
  securityGroups: list,
  serverGroups: list,
});
export type ReadinessRequest = z.input<typeof readinessRequestSchema>;
export type ReadinessNeeds = z.output<typeof readinessRequestSchema>;

export const readinessSchema = z.object({
  ready: z.boolean(),
  at: z.string(),
  from: z.string(),
  missing: z.array(z.object({ what: z.string(), name: z.string(), reason: z.string(), repairable: z.boolean() })),
  compared: z.boolean().describe('false: the other site cannot be asked, so only whether they are there was looked at'),
});
export type Readiness = z.infer<typeof readinessSchema>;
