import { pointSchema, verifyResultSchema } from '@godwit/protection';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import { jobRefSchema } from '../schemas.ts';
import type { Routes } from './route.ts';

const params = z.object({ point: z.string() });

export const pointRoutes: Routes = (app, { protection }) => {
  app.get('/v1/recovery-points/:point', {
    config: { access: 'reader' },
    schema: { tags: ['recovery points'], summary: 'One recovery point', params, response: { 200: pointSchema } },
    handler: (request) => protection.getPoint(principalOf(request), request.params.point),
  });

  app.post('/v1/recovery-points/:point/verify', {
    config: { access: 'member' },
    schema: {
      tags: ['recovery points'],
      summary: 'Checks manifest and chains at the recovery site; restore: really restores each chain to a scratch volume',
      params,
      body: z.strictObject({ restore: z.boolean().default(false) }),
      response: { 200: verifyResultSchema, 202: jobRefSchema },
    },
    handler: async (request, reply) => {
      const answer = await protection.verifyPoint(principalOf(request), request.params.point, { restore: request.body.restore });
      if ('jobId' in answer) return await reply.code(202).header('location', `/v1/jobs/${answer.jobId}`).send(answer);
      return await reply.code(200).send(answer);
    },
  });
};
