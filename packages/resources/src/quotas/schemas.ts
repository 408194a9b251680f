import { z } from 'zod';

const limits = z.record(z.string(), z.int().min(0));
export const quotaPolicySchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
  project: z.string().regex(/^[^/]+\/.+$/, 'DOMAIN/NAME'),
  sites: z.array(z.string().min(1)).min(1).max(200),
  mode: z.enum(['hard', 'soft']).default('hard').describe('soft: a site’s limit is the global one less the use elsewhere; hard: what is free is divided, so that all limits together never exceed it'),
  limits: z.strictObject({
    compute: limits.default({}).describe('instances, cores, ram (MiB), server_groups …'),
    volume: limits.default({}).describe('volumes, gigabytes, snapshots, backups, backup_gigabytes …'),
    network: limits.default({}).describe('port, network, subnet, floatingip, security_group …'),
  }),
  everySeconds: z.int().min(5).max(86_400).default(60),
});
export type QuotaPolicyInput = z.input<typeof quotaPolicySchema>;
export type QuotaPolicy = z.output<typeof quotaPolicySchema>;

export const quotaRowSchema = z.object({
  service: z.enum(['compute', 'volume', 'network']),
  resource: z.string(),
  site: z.string(),
  reachable: z.boolean(),
  use: z.number().optional(),
  limit: z.number().optional().describe('as it is now at the site; of one that cannot be reached, as it was last set'),
  balanced: z.number().optional().describe('as it is to be; left out for a site that cannot be reached'),
  global: z.number(),
});
export type QuotaRow = z.infer<typeof quotaRowSchema>;

export const quotaReportSchema = z.object({
  policy: z.string(), project: z.string(), at: z.string(), rows: z.array(quotaRowSchema),
  applied: z.boolean(), unreachable: z.array(z.object({ site: z.string(), code: z.string(), message: z.string() })),
});
export type QuotaReport = z.infer<typeof quotaReportSchema>;
