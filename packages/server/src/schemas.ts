import { z } from 'zod';

/** Shapes of the API that are not protection's own. Times are ISO 8601 in UTC. */

const json = z.unknown();

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('stable; docs/errors.md lists all'),
    kind: z.enum(['terminal', 'retryable', 'waiting']),
    message: z.string(),
    instance: z.string().describe('id of this request, as in x-request-id and in the server’s log'),
    site: z.string().optional(),
    resource: z.string().optional(),
    action: z.string().optional().describe('what a person can do about it'),
    requestId: z.string().optional().describe('OpenStack’s request id'),
    details: json.optional(),
  })
  .meta({ id: 'Problem' });

export const jobRefSchema = z.object({ jobId: z.string() }).meta({ id: 'JobRef' });

export const jobStates = ['queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'] as const;
export const endedStates: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);

const jobErrorSchema = z.object({ code: z.string(), message: z.string(), kind: z.enum(['terminal', 'retryable', 'waiting']), details: json.optional() });

const progressSchema = z.object({
  phase: z.string(),
  item: z.string().optional(),
  done: z.number().optional(),
  total: z.number().optional(),
  unit: z.enum(['percent', 'bytes', 'members', 'volumes', 'steps']).optional(),
  message: z.string().optional(),
});

const stepSchema = z.object({
  name: z.string(),
  state: z.enum(['running', 'succeeded', 'failed']),
  attempts: z.number().int(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  error: jobErrorSchema.optional(),
});

export const jobSummarySchema = z
  .object({
    id: z.string(),
    workflow: z.string(),
    state: z.enum(jobStates),
    labels: z.record(z.string(), z.string()).describe('group (id), groupName, project (domain/name), kind'),
    error: jobErrorSchema.optional(),
    createdAt: z.string(),
    startedAt: z.string().optional(),
    endedAt: z.string().optional(),
  })
  .meta({ id: 'JobSummary' });

export const jobSchema = jobSummarySchema
  .extend({
    result: json.optional(),
    progress: z.array(progressSchema).describe('the newest report of each thing that is done side by side'),
    steps: z.array(stepSchema),
  })
  .meta({ id: 'Job' });

export const eventSchema = z
  .object({
    seq: z.number().int().describe('grows over all jobs'),
    jobId: z.string(),
    at: z.string(),
    type: z.enum(['state', 'step', 'progress', 'log']),
    step: z.string().optional(),
    data: json,
  })
  .meta({ id: 'Event' });

export const siteSchema = z
  .object({
    name: z.string(),
    region: z.string().optional(),
    authUrl: z.string(),
    health: z.object({ state: z.enum(['up', 'down', 'unknown']), since: z.string(), message: z.string().optional() }),
  })
  .meta({ id: 'Site' });

export const siteCheckSchema = z
  .object({
    site: z.string(),
    ok: z.boolean(),
    at: z.string(),
    checks: z.array(
      z.object({
        service: z.string(),
        ok: z.boolean(),
        version: z.string().optional(),
        latencyMs: z.number().optional(),
        code: z.string().optional(),
        message: z.string().optional(),
        action: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'SiteCheck' });
