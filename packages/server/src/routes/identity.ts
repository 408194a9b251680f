import { checkSchema, conditionSchema, type IdentityService, keyStatusSchema, matrixSchema, renderKinds, revocationSchema, starReportSchema, starStatusSchema } from '@godwit/identity';
import { GodwitError } from '@godwit/sites';
import { z } from 'zod';
import { jobRefSchema } from '../schemas.ts';
import type { ServerDeps } from '../types.ts';
import type { Routes } from './route.ts';

const status = starStatusSchema.extend({ keys: z.array(keyStatusSchema), conditions: z.array(conditionSchema) }).meta({ id: 'Star' });
const report = starReportSchema.meta({ id: 'StarReport' });
const site = z.object({ site: z.string() });
const node = z.object({ node: z.string() });
const tags = ['identity'];
const dryRun = z.boolean().default(false);
const admin = { access: 'admin' } as const;

/** The Keystone star is nobody's project: administrators change it, readers see how it is. */
export const identityRoutes: Routes = (app, deps) => {
  const star = (): IdentityService => starOf(deps);

  app.get('/v1/identity', {
    config: { access: 'reader' },
    schema: { tags, summary: 'The Keystone star: keys, sites, nodes, conditions, and whether tokens are good everywhere', response: { 200: status } },
    handler: () => star().status(),
  });

  app.post('/v1/identity/probe', {
    config: { access: 'reader' },
    schema: { tags, summary: 'Tokens of every site at every Keystone of every other, now', body: z.strictObject({}), response: { 200: matrixSchema } },
    handler: () => star().probe(),
  });

  app.post('/v1/identity/sites/:site/revocation', {
    config: admin,
    schema: { tags, summary: 'A token of the site is revoked: how long each site still takes it', params: site, body: z.strictObject({}), response: { 200: revocationSchema } },
    handler: (request) => star().probeRevocation(request.params.site),
  });

  app.post('/v1/identity/adopt', {
    config: admin,
    schema: { tags, summary: 'The keys of a Keystone that runs become the star’s, as a job', body: z.strictObject({ node: z.string().min(1).optional().describe('default: the first node of the first master site') }), response: { 202: jobRefSchema } },
    handler: async (request, reply) => {
      const { node: name } = request.body;
      const job = await star().adopt(name === undefined ? {} : { node: name });
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/identity/rotate', {
    config: admin,
    schema: { tags, summary: 'Rotates keys at all nodes in lock-step, as a job', body: z.strictObject({ kind: z.enum(['fernet', 'credential']).default('fernet'), dryRun }), response: { 200: report, 202: jobRefSchema } },
    handler: async (request, reply) => {
      const { kind, dryRun: dry } = request.body;
      if (dry) return await reply.code(200).send(await star().rotatePreflight(kind));
      const job = await star().rotate(kind);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/identity/nodes/:node/restore', {
    config: admin,
    schema: { tags, summary: 'The star’s keys back at a node whose repository somebody changed, as a job; tokens signed with what lies there are refused then', params: node, body: z.strictObject({}), response: { 202: jobRefSchema } },
    handler: async (request, reply) => {
      const job = await star().restore(request.params.node);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/identity/nodes/:node/repoint', {
    config: admin,
    schema: {
      tags, summary: 'Lets a replica follow another master by GTID, as a job', params: node,
      body: z.strictObject({ to: z.string().min(1).optional().describe('master site; default: its own if that lives, else another'), seed: z.boolean().default(false).describe('rebuild it from a dump instead') }),
      response: { 202: jobRefSchema },
    },
    handler: async (request, reply) => {
      const { to, seed } = request.body;
      const job = await star().repoint(request.params.node, { ...(to !== undefined && { to }), seed });
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/identity/sites/:site/join', {
    config: admin,
    schema: { tags, summary: 'Takes a site into the star, as a job', params: site, body: z.strictObject({ dryRun }), response: { 200: report, 202: jobRefSchema } },
    handler: async (request, reply) => {
      const name = request.params.site;
      if (request.body.dryRun) return await reply.code(200).send(await star().joinPreflight(name));
      const job = await star().join(name);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/identity/sites/:site/leave', {
    config: admin,
    schema: {
      tags, summary: 'Takes a site out of the star, as a job', params: site,
      body: z.strictObject({ lost: z.boolean().default(false).describe('nothing of it answers, or ever will: it is not waited for'), dryRun }),
      response: { 200: report, 202: jobRefSchema },
    },
    handler: async (request, reply) => {
      const { lost, dryRun: dry } = request.body;
      const name = request.params.site;
      if (dry) return await reply.code(200).send(await star().leavePreflight(name, { lost }));
      const job = await star().leave(name, { lost });
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.get('/v1/identity/sites/:site/render/:what', {
    config: admin,
    schema: { tags, summary: 'Configuration of the site’s HAProxy, Keystones, services or MariaDB', params: z.object({ site: z.string(), what: z.enum(renderKinds) }), response: { 200: z.object({ site: z.string(), what: z.string(), text: z.string() }) } },
    handler: async ({ params }) => ({ ...params, text: await star().render(params.site, params.what) }),
  });

  app.post('/v1/identity/sites/:site/check', {
    config: admin,
    schema: { tags, summary: 'Holds what the site needs against what is there', params: site, body: z.strictObject({}), response: { 200: checkSchema } },
    handler: ({ params }) => star().check(params.site),
  });
};

function starOf({ identity }: ServerDeps): IdentityService {
  if (identity) return identity;
  throw new GodwitError('GW_STAR_NOT_CONFIGURED', 'terminal', 'godwit.yaml declares no Keystone star', { action: 'Declare it under `identity`: docs/operators/identity.md.' });
}
