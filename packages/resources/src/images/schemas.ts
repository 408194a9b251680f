import { z } from 'zod';

export const cloneMethods = ['auto', 'import', 'relay'] as const;

export const cloneRequestSchema = z.strictObject({
  image: z.string().min(1).describe('name or id, at the site that it is cloned from'),
  from: z.string().min(1).describe('site'),
  to: z.array(z.string().min(1)).min(1).max(100).describe('sites'),
  method: z.enum(cloneMethods).default('auto').describe('import: the target’s Glance fetches by itself (glance-download); relay: streamed through Godwit; auto: import where the target allows it'),
  replace: z.boolean().default(false).describe('another image of that name at a target is hidden, instead of refusing'),
});
export type CloneRequest = z.input<typeof cloneRequestSchema>;

export const cloneOutcomeSchema = z.object({
  site: z.string(),
  outcome: z.enum(['cloned', 'updated', 'unchanged', 'failed']).describe('updated: the data was there, what describes it was brought up to date'),
  imageId: z.string().optional(),
  method: z.enum(['import', 'relay']).optional(),
  bytes: z.number().describe('sent to this site'),
  changed: z.array(z.string()).describe('what of the description was changed'),
  notes: z.array(z.string()).describe('what could not be carried over'),
  superseded: z.array(z.string()).describe('images of that name that were hidden'),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type CloneOutcome = z.infer<typeof cloneOutcomeSchema>;

export const cloneResultSchema = z.object({
  image: z.string(),
  imageId: z.string(),
  from: z.string(),
  size: z.number(),
  hash: z.object({ algorithm: z.string(), value: z.string() }).optional(),
  sourceBytes: z.number().describe('read of the source by Godwit'),
  targets: z.array(cloneOutcomeSchema),
});
export type CloneResult = z.infer<typeof cloneResultSchema>;
