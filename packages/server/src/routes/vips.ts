import { vipMoveResultSchema, vipMoveSchema, vipRequestSchema, vipSchema } from '@godwit/network';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import type { Routes } from './route.ts';

const named = z.object({ vip: z.string().describe('name or id') });
const vip = vipSchema.meta({ id: 'VirtualIp' });
const moveResult = vipMoveResultSchema.meta({ id: 'VirtualIpMove' });

/** Addresses of stretched networks that move with a service. */
export const vipRoutes: Routes = (app, deps) => {
  const { network } = deps;
  if (network === undefined) return;

  app.get('/v1/vips', {
    config: { access: 'reader' },
    schema: { tags: ['networks'], summary: 'Virtual IPs of stretched networks, and who holds them', response: { 200: z.object({ vips: z.array(vip) }) } },
    handler: async (request) => ({ vips: await network.vips(principalOf(request)) }),
  });

  app.post('/v1/vips', {
    config: { access: 'member' },
    schema: { tags: ['networks'], summary: 'Reserves an address at all sites and lets the members’ ports use it', body: vipRequestSchema, response: { 201: vip } },
    handler: async (request, reply) => await reply.code(201).send(await network.createVip(principalOf(request), request.body)),
  });

  app.get('/v1/vips/:vip', {
    config: { access: 'reader' },
    schema: {
      tags: ['networks'], summary: 'One virtual IP; with `after`, as soon as its epoch is another', params: named, response: { 200: vip },
      querystring: z.object({ after: z.coerce.number().int().min(0).optional().describe('the epoch that is known'), wait: z.coerce.number().min(0).max(60).default(25).describe('seconds to wait at most') }),
    },
    handler: async (request) => {
      const { after, wait } = request.query;
      const gone = new AbortController();
      request.raw.once('close', () => gone.abort());
      return network.vip(principalOf(request), request.params.vip, after === undefined ? undefined : { after, ms: wait * 1_000, signal: gone.signal });
    },
  });

  app.post('/v1/vips/:vip/move', {
    config: { access: 'member' },
    schema: { tags: ['networks'], summary: 'Moves the address to another member, at once; with `epoch` a claim, which is refused if it has moved since', params: named, body: vipMoveSchema, response: { 200: moveResult } },
    handler: (request) => network.moveVip(principalOf(request), request.params.vip, request.body),
  });

  app.delete('/v1/vips/:vip', {
    config: { access: 'member' },
    schema: { tags: ['networks'], summary: 'Gives the address up: the reservations and the pairs on the ports go', params: named, response: { 204: z.undefined() } },
    handler: async (request, reply) => {
      await network.deleteVip(principalOf(request), request.params.vip);
      return await reply.code(204).send();
    },
  });
};
