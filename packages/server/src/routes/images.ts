import { cloneRequestSchema, ensuredSchema, imagePolicySchema, pullRequestSchema, rolloutSchema, type ResourcesService } from '@godwit/resources';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import { jobRefSchema } from '../schemas.ts';
import type { ServerDeps } from '../types.ts';
import type { App } from './route.ts';

export type ResourceRoutes = (app: App, deps: ServerDeps & { readonly resources: ResourcesService }) => void;

const policy = imagePolicySchema.extend({ id: z.string() }).meta({ id: 'ImagePolicy' });
const rollout = rolloutSchema.meta({ id: 'Rollout' });
const named = z.object({ policy: z.string().describe('name or id') });
const byId = z.object({ rollout: z.string() });

export const imageRoutes: ResourceRoutes = (app, { resources, publicUrl }) => {
  app.post('/v1/images/clone', {
    config: { access: 'member' },
    schema: { tags: ['images'], summary: 'Copies an image to other sites, as a job; what is there already is only brought up to date', body: cloneRequestSchema, response: { 202: jobRefSchema } },
    handler: async (request, reply) => {
      const job = await resources.cloneImage(principalOf(request), request.body);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/images/ensure', {
    config: { access: 'member' },
    schema: {
      tags: ['images'], summary: 'Sees that a site has an image, and fetches it if not: what a lazy policy waits for',
      body: z.strictObject({ image: z.string().min(1), at: z.string().min(1).describe('site'), from: z.string().min(1).optional().describe('default: the source of the policy that has the image') }),
      response: { 200: ensuredSchema, 202: ensuredSchema },
    },
    handler: async (request, reply) => {
      const done = await resources.ensureImage(principalOf(request), request.body.image, request.body.at, request.body.from);
      return await reply.code(done.present ? 200 : 202).send(done);
    },
  });

  app.post('/v1/images/pull', {
    config: { access: 'member' },
    schema: {
      tags: ['images'], summary: 'The plain copy: the target’s Glance fetches the data itself, with your token at the source; nothing else is copied or checked',
      body: pullRequestSchema, response: { 202: z.object({ imageId: z.string(), site: z.string(), method: z.string() }) },
    },
    handler: async (request, reply) => {
      const token = request.headers['x-auth-token'];
      const made = await resources.pullImage(principalOf(request), typeof token === 'string' ? token : '', request.body, publicUrl);
      return await reply.code(202).send(made);
    },
  });

  // Asked by a Glance, which has no token: the address itself is the secret, and good once.
  app.get('/v1/image-pulls/:secret', {
    config: { access: 'public' },
    schema: { hide: true, params: z.object({ secret: z.string().max(100) }) },
    handler: async (request, reply) => {
      const ticket = await resources.openPull(request.params.secret);
      if (!ticket) return await reply.code(404).send();
      return await reply.header('content-type', 'application/octet-stream').header('content-length', ticket.size).send(ticket.stream);
    },
  });

  app.get('/v1/image-policies', {
    config: { access: 'reader' },
    schema: { tags: ['images'], summary: 'Image policies of the project', response: { 200: z.object({ policies: z.array(policy) }) } },
    handler: async (request) => ({ policies: await resources.listImagePolicies(principalOf(request)) }),
  });

  app.post('/v1/image-policies', {
    config: { access: 'member' },
    schema: { tags: ['images'], summary: 'Declares where images are to be', body: imagePolicySchema, response: { 201: policy } },
    handler: async (request, reply) => await reply.code(201).send(await resources.createImagePolicy(principalOf(request), request.body)),
  });

  app.delete('/v1/image-policies/:policy', {
    config: { access: 'member' },
    schema: { tags: ['images'], summary: 'Forgets a policy; images stay', params: named, response: { 204: z.undefined() } },
    handler: async (request, reply) => {
      await resources.deleteImagePolicy(principalOf(request), request.params.policy);
      return await reply.code(204).send();
    },
  });

  app.post('/v1/image-policies/:policy/rollout', {
    config: { access: 'member' },
    schema: { tags: ['images'], summary: 'Brings a version of an image out, site by site', params: named, body: z.strictObject({ image: z.string().min(1).describe('name or id at the source') }), response: { 202: rollout } },
    handler: async (request, reply) => await reply.code(202).send(await resources.startRollout(principalOf(request), request.params.policy, request.body.image)),
  });

  app.get('/v1/rollouts', {
    config: { access: 'reader' },
    schema: { tags: ['images'], summary: 'Rollouts of the project, newest first', response: { 200: z.object({ rollouts: z.array(rollout) }) } },
    handler: async (request) => ({ rollouts: await resources.listRollouts(principalOf(request)) }),
  });

  app.get('/v1/rollouts/:rollout', {
    config: { access: 'reader' },
    schema: { tags: ['images'], summary: 'One rollout', params: byId, response: { 200: rollout } },
    handler: (request) => resources.getRollout(principalOf(request), request.params.rollout),
  });

  app.post('/v1/rollouts/:rollout/resume', {
    config: { access: 'member' },
    schema: { tags: ['images'], summary: 'Lets a rollout go on to the next site; all: to all that are left', params: byId, body: z.strictObject({ all: z.boolean().default(false) }), response: { 200: rollout } },
    handler: (request) => resources.resumeRollout(principalOf(request), request.params.rollout, request.body.all),
  });

  app.post('/v1/rollouts/:rollout/pause', {
    config: { access: 'member' },
    schema: { tags: ['images'], summary: 'No further site is begun', params: byId, body: z.strictObject({}), response: { 200: rollout } },
    handler: (request) => resources.pauseRollout(principalOf(request), request.params.rollout),
  });

  app.post('/v1/rollouts/:rollout/rollback', {
    config: { access: 'member' },
    schema: { tags: ['images'], summary: 'Every site shows again the version that it showed before', params: byId, body: z.strictObject({}), response: { 200: rollout } },
    handler: (request) => resources.rollBack(principalOf(request), request.params.rollout),
  });
};
