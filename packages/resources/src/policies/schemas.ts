import { z } from 'zod';

export const imagePolicySchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
  source: z.string().min(1).describe('the site where the images are made'),
  sites: z.array(z.string().min(1)).min(1).max(200).describe('where they are to be'),
  mode: z.enum(['none', 'automatic', 'lazy', 'controlled']).describe('none: no other policy copies them; automatic: new and changed ones follow by themselves; lazy: fetched when first asked for; controlled: site by site, by a rollout'),
  images: z.array(z.string().min(1)).optional().describe('names; * stands for anything. Left out: all of the project'),
  tags: z.array(z.string().min(1)).optional().describe('only those with one of these tags'),
  pause: z.enum(['each', 'first', 'none']).default('each').describe('controlled: after which sites a rollout waits for a word'),
  everySeconds: z.int().min(10).max(86_400).default(60).describe('automatic: between two looks'),
});
export type ImagePolicyInput = z.input<typeof imagePolicySchema>;
export type ImagePolicy = z.output<typeof imagePolicySchema>;

export const rolloutStageSchema = z.object({
  site: z.string(),
  state: z.enum(['waiting', 'copying', 'done', 'rolled-back']),
  imageId: z.string().optional(),
  superseded: z.array(z.string()).describe('images that were hidden there, and are shown again by a roll back'),
});
export const rolloutSchema = z.object({
  id: z.string(),
  policy: z.string(),
  image: z.string(),
  imageId: z.string().describe('at the source'),
  source: z.string(),
  state: z.enum(['running', 'paused', 'done', 'rolling-back', 'rolled-back', 'failed']),
  approved: z.int().describe('stages that may go on'),
  stages: z.array(rolloutStageSchema),
  pause: z.enum(['each', 'first', 'none']).optional().describe('as its policy had it when it was begun'),
  publish: z.boolean().optional().describe('begun by an administrator: copies of a public image are public'),
  notes: z.array(z.string()).optional().describe('what a roll back could not bring back'),
  jobId: z.string().optional(),
  startedAt: z.string(),
});
export type Rollout = z.infer<typeof rolloutSchema>;

export const ensuredSchema = z.object({ image: z.string(), site: z.string(), present: z.boolean(), imageId: z.string().optional(), jobId: z.string().optional() });
export type Ensured = z.infer<typeof ensuredSchema>;
