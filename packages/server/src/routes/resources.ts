import {
  conflictsSchema, inventoryQuerySchema, inventorySchema, quotaPolicySchema, quotaReportSchema, readinessRequestSchema, readinessSchema, syncPolicySchema, syncReportSchema, usageSchema, viewQuerySchema,
} from '@godwit/resources';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import { jobRefSchema } from '../schemas.ts';
import { imageRoutes, type ResourceRoutes } from './images.ts';
import type { Routes } from './route.ts';

const named = z.object({ policy: z.string().describe('name or id') });
const syncPolicy = syncPolicySchema.extend({ id: z.string() }).meta({ id: 'SyncPolicy' });
const syncReport = syncReportSchema.meta({ id: 'SyncReport' });
const quotaPolicy = quotaPolicySchema.extend({ id: z.string() }).meta({ id: 'QuotaPolicy' });
const quotaReport = quotaReportSchema.meta({ id: 'QuotaReport' });

const syncRoutes: ResourceRoutes = (app, { resources }) => {
  app.get('/v1/sync-policies', {
    config: { access: 'reader' },
    schema: { tags: ['sync'], summary: 'What is kept alike at several sites', response: { 200: z.object({ policies: z.array(syncPolicy) }) } },
    handler: async (request) => ({ policies: await resources.listSyncPolicies(principalOf(request)) }),
  });

  app.post('/v1/sync-policies', {
    config: { access: 'member' },
    schema: { tags: ['sync'], summary: 'Declares what is to be alike; flavors, other projects and other users are for administrators', body: syncPolicySchema, response: { 201: syncPolicy } },
    handler: async (request, reply) => await reply.code(201).send(await resources.createSyncPolicy(principalOf(request), request.body)),
  });

  app.delete('/v1/sync-policies/:policy', {
    config: { access: 'member' },
    schema: { tags: ['sync'], summary: 'Forgets a policy; what it brought stays', params: named, response: { 204: z.undefined() } },
    handler: async (request, reply) => {
      await resources.deleteSyncPolicy(principalOf(request), request.params.policy);
      return await reply.code(204).send();
    },
  });

  app.get('/v1/sync-policies/:policy/diff', {
    config: { access: 'reader' },
    schema: { tags: ['sync'], summary: 'What would be changed, looked at now; nothing is', params: named, response: { 200: syncReport } },
    handler: (request) => resources.diffSync(principalOf(request), request.params.policy),
  });

  app.get('/v1/sync-policies/:policy/drift', {
    config: { access: 'reader' },
    schema: { tags: ['sync'], summary: 'What the last audit found', params: named, response: { 200: syncReport } },
    handler: (request) => resources.driftOf(principalOf(request), request.params.policy),
  });

  app.post('/v1/sync-policies/:policy/apply', {
    config: { access: 'member' },
    schema: { tags: ['sync'], summary: 'Makes the sites alike, as a job', params: named, body: z.strictObject({}), response: { 202: jobRefSchema } },
    handler: async (request, reply) => {
      const job = await resources.applySync(principalOf(request), request.params.policy);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });
};

const quotaRoutes: ResourceRoutes = (app, { resources }) => {
  app.get('/v1/quota-policies', {
    config: { access: 'admin' },
    schema: { tags: ['quotas'], summary: 'Limits over all sites', response: { 200: z.object({ policies: z.array(quotaPolicy) }) } },
    handler: async (request) => ({ policies: await resources.listQuotaPolicies(principalOf(request)) }),
  });

  app.post('/v1/quota-policies', {
    config: { access: 'admin' },
    schema: { tags: ['quotas'], summary: 'One limit for a project over all sites', body: quotaPolicySchema, response: { 201: quotaPolicy } },
    handler: async (request, reply) => await reply.code(201).send(await resources.createQuotaPolicy(principalOf(request), request.body)),
  });

  app.delete('/v1/quota-policies/:policy', {
    config: { access: 'admin' },
    schema: { tags: ['quotas'], summary: 'Forgets a policy; the sites keep their last limits', params: named, response: { 204: z.undefined() } },
    handler: async (request, reply) => {
      await resources.deleteQuotaPolicy(principalOf(request), request.params.policy);
      return await reply.code(204).send();
    },
  });

  app.post('/v1/quota-policies/:policy/balance', {
    config: { access: 'admin' },
    schema: { tags: ['quotas'], summary: 'Sets each site’s limit by the use elsewhere, now; dryRun: says only what it would be', params: named, body: z.strictObject({ dryRun: z.boolean().default(false) }), response: { 200: quotaReport } },
    handler: (request) => resources.balanceQuota(principalOf(request), request.params.policy, request.body),
  });
};

const viewRoutes: ResourceRoutes = (app, { resources }) => {
  app.get('/v1/inventory', {
    config: { access: 'reader' },
    schema: { tags: ['views'], summary: 'What the project has at all sites; of a site that cannot be asked, what it was last seen to have', querystring: inventoryQuerySchema, response: { 200: inventorySchema } },
    handler: (request) => resources.inventory(principalOf(request), request.query),
  });

  app.get('/v1/addresses/conflicts', {
    config: { access: 'reader' },
    schema: { tags: ['views'], summary: 'Addresses that are used twice', querystring: viewQuerySchema, response: { 200: conflictsSchema } },
    handler: (request) => resources.addressConflicts(principalOf(request), request.query),
  });

  app.get('/v1/usage', {
    config: { access: 'reader' },
    schema: { tags: ['views'], summary: 'Use and limits at all sites; capacity, for administrators', response: { 200: usageSchema } },
    handler: (request) => resources.usage(principalOf(request)),
  });

  app.post('/v1/readiness', {
    config: { access: 'reader' },
    schema: { tags: ['views'], summary: 'Are these at a site, identical, now?', body: readinessRequestSchema, response: { 200: readinessSchema } },
    handler: (request) => resources.readiness(principalOf(request), request.body),
  });

  app.post('/v1/readiness/repair', {
    config: { access: 'member' },
    schema: { tags: ['views'], summary: 'Begins what makes it ready, as jobs', body: readinessRequestSchema, response: { 202: z.object({ jobs: z.array(jobRefSchema), left: readinessSchema.shape.missing.describe('what is not Godwit’s, or not yours, to repair') }) } },
    handler: async (request, reply) => await reply.code(202).send(await resources.makeReady(principalOf(request), request.body)),
  });
};

/** Use case 4: images and other resources over all sites. */
export const resourceRoutes: Routes = (app, deps) => {
  if (deps.resources === undefined) return;
  for (const routes of [imageRoutes, syncRoutes, quotaRoutes, viewRoutes]) routes(app, { ...deps, resources: deps.resources });
};
