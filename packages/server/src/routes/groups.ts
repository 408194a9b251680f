import { adviceSchema, groupChangeSchema, groupSchema, groupSpecSchema, pointSchema, reportSchema } from '@godwit/protection';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import { jobRefSchema } from '../schemas.ts';
import type { Routes } from './route.ts';

const params = z.object({ group: z.string().describe('name or id') });
const group = groupSchema.meta({ id: 'Group' });
const report = reportSchema.meta({ id: 'Report' });
const point = pointSchema.meta({ id: 'RecoveryPoint' });
const flag = z.enum(['true', 'false']).default('false').describe('true or false');

export const groupRoutes: Routes = (app, { protection }) => {
  app.get('/v1/groups', {
    config: { access: 'reader' },
    schema: {
      tags: ['groups'],
      summary: 'Protection groups of the project, by name',
      querystring: z.strictObject({
        limit: z.coerce.number().int().min(1).max(1000).default(100),
        after: z.uuid().optional().describe('id of a group: those behind it; `next` of the page before'),
      }),
      response: { 200: z.object({ groups: z.array(group), next: z.uuid().optional().describe('there are more: give it as `after`') }) },
    },
    handler: async (request) => {
      const { limit, after } = request.query;
      // One more than asked for tells whether there are more.
      const groups = await protection.listGroups(principalOf(request), { limit: limit + 1, after });
      const next = groups.length > limit ? groups[limit - 1]?.id : undefined;
      return { groups: groups.slice(0, limit), ...(next !== undefined && { next }) };
    },
  });

  app.post('/v1/groups', {
    config: { access: 'member' },
    schema: { tags: ['groups'], summary: 'Declares a protection group', body: groupSpecSchema, response: { 201: group } },
    handler: async (request, reply) => {
      const made = await protection.createGroup(principalOf(request), request.body);
      return await reply.code(201).header('location', `/v1/groups/${made.id}`).send(made);
    },
  });

  app.get('/v1/groups/:group', {
    config: { access: 'reader' },
    schema: { tags: ['groups'], summary: 'One group', params, response: { 200: group } },
    handler: (request) => protection.getGroup(principalOf(request), request.params.group),
  });

  app.patch('/v1/groups/:group', {
    config: { access: 'member' },
    schema: { tags: ['groups'], summary: 'Changes a group’s policy, from its next recovery point on; those that there are stay', params, body: groupChangeSchema, response: { 200: group } },
    handler: (request) => protection.changeGroup(principalOf(request), request.params.group, request.body),
  });

  app.delete('/v1/groups/:group', {
    config: { access: 'member' },
    schema: {
      tags: ['groups'],
      summary: 'Forgets a group; with purge its recovery points too, as a job',
      params,
      querystring: z.strictObject({ purge: flag }),
      response: { 202: jobRefSchema, 204: z.undefined() },
    },
    handler: async (request, reply) => {
      const job = await protection.deleteGroup(principalOf(request), request.params.group, { purge: request.query.purge === 'true' });
      if (job === undefined) return await reply.code(204).send();
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.get('/v1/groups/:group/advice', {
    config: { access: 'member' },
    schema: { tags: ['groups'], summary: 'Which methods the group can use now, why not the others, and what was measured of them; changes nothing', params, response: { 200: adviceSchema.meta({ id: 'Advice' }) } },
    handler: (request) => protection.advise(principalOf(request), request.params.group),
  });

  app.post('/v1/groups/:group/protect', {
    config: { access: 'member' },
    schema: {
      tags: ['groups'],
      summary: 'Makes a recovery point, as a job; dryRun: says only whether it could',
      params,
      body: z.strictObject({ dryRun: z.boolean().default(false) }),
      response: { 200: report, 202: jobRefSchema },
    },
    handler: async (request, reply) => {
      const caller = principalOf(request);
      if (request.body.dryRun) return await reply.code(200).send(await protection.preflight(caller, request.params.group));
      const job = await protection.protect(caller, request.params.group);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.get('/v1/groups/:group/recovery-points', {
    config: { access: 'reader' },
    schema: { tags: ['recovery points'], summary: 'Recovery points of a group', params, response: { 200: z.object({ recoveryPoints: z.array(point) }) } },
    handler: async (request) => ({ recoveryPoints: await protection.listPoints(principalOf(request), request.params.group) }),
  });

  app.post('/v1/groups/:group/recover', {
    config: { access: 'member' },
    schema: {
      tags: ['groups'],
      summary: 'Brings the group up at a site, as a job; dryRun: says only whether it could',
      params,
      body: z.strictObject({
        to: z.string().min(1).describe('site'),
        point: z.string().min(1).optional().describe('default: the newest that is available'),
        sourceIsDown: z.boolean().default(false).describe('you vouch that nothing of the group runs at the site it leaves: members that cannot be stopped there, because their hypervisor is dead, do not hold the recovery'),
        planned: z.boolean().default(false).describe('the site it leaves hands its storage over, and nothing is lost; both sites are needed, and method replication'),
        dryRun: z.boolean().default(false),
      }),
      response: { 200: report, 202: jobRefSchema },
    },
    handler: async (request, reply) => {
      const caller = principalOf(request);
      const { to, point: id, sourceIsDown, planned, dryRun } = request.body;
      const options = { to, ...(id !== undefined && { point: id }), ...(planned && { planned }) };
      if (dryRun) return await reply.code(200).send(await protection.recoverPreflight(caller, request.params.group, options));
      const job = await protection.recover(caller, request.params.group, { ...options, sourceIsDown });
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/groups/:group/resync', {
    config: { access: 'member' },
    schema: {
      tags: ['groups'],
      summary: 'Gives up what the group’s images hold at the site where it does not run, and copies them anew, as a job; keep: a copy of what is given up stays there',
      params,
      body: z.strictObject({ keep: z.boolean().default(true) }),
      response: { 202: jobRefSchema },
    },
    handler: async (request, reply) => {
      const job = await protection.resync(principalOf(request), request.params.group, { keep: request.body.keep });
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });
};
