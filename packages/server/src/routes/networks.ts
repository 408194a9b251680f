import { borderGatewaySchema, reconcileReportSchema, remotePortSchema, stretchedNetworkSchema, stretchReportSchema, stretchRequestSchema } from '@godwit/network';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import { jobRefSchema } from '../schemas.ts';
import type { Routes } from './route.ts';

const named = z.object({ network: z.string().describe('name or id') });
const stretched = stretchedNetworkSchema.meta({ id: 'StretchedNetwork' });
const stretchReport = stretchReportSchema.meta({ id: 'StretchReport' });
const reconcileReport = reconcileReportSchema.meta({ id: 'ReconcileReport' });
const remotePort = remotePortSchema.meta({ id: 'RemotePort' });
const borderGateway = borderGatewaySchema.meta({ id: 'BorderGateway' });
const unreachable = z.array(z.object({ site: z.string(), code: z.string(), message: z.string() }));

/** Use case 2: one network over several Neutrons. */
export const networkRoutes: Routes = (app, deps) => {
  const { network } = deps;
  if (network === undefined) return;

  app.get('/v1/networks', {
    config: { access: 'reader' },
    schema: { tags: ['networks'], summary: 'Networks that are stretched over several sites', response: { 200: z.object({ networks: z.array(stretched) }) } },
    handler: async (request) => ({ networks: await network.list(principalOf(request)) }),
  });

  app.post('/v1/networks', {
    config: { access: 'member' },
    schema: {
      tags: ['networks'], summary: 'Makes one network of several: a new one at each site, or those that are named, as a job', body: stretchRequestSchema,
      response: { 202: jobRefSchema.extend({ id: z.string().describe('of the stretched network') }) },
    },
    handler: async (request, reply) => {
      const job = await network.stretch(principalOf(request), request.body);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.post('/v1/networks/preflight', {
    config: { access: 'reader' },
    schema: { tags: ['networks'], summary: 'What stretching would do, or every reason why it would be refused; nothing is changed', body: stretchRequestSchema, response: { 200: stretchReport } },
    handler: (request) => network.preflight(principalOf(request), request.body),
  });

  app.get('/v1/networks/:network', {
    config: { access: 'reader' },
    schema: { tags: ['networks'], summary: 'A stretched network, with the last comparison', params: named, response: { 200: stretched } },
    handler: (request) => network.show(principalOf(request), request.params.network),
  });

  app.get('/v1/networks/:network/check', {
    config: { access: 'reader' },
    schema: { tags: ['networks'], summary: 'Compares the sites now; nothing is changed', params: named, response: { 200: reconcileReport } },
    handler: (request) => network.check(principalOf(request), request.params.network),
  });

  app.post('/v1/networks/:network/unstretch', {
    config: { access: 'member' },
    schema: {
      tags: ['networks'], summary: 'Takes the remote ports away, and the networks that Godwit made, as a job; what is in use or was adopted stays', params: named,
      body: z.strictObject({ keep: z.boolean().default(false).describe('the networks stay, each for itself'), lost: z.array(z.string()).max(20).default([]).describe('sites that are not asked: what is there stays until it is unstretched again') }), response: { 202: jobRefSchema },
    },
    handler: async (request, reply) => {
      const job = await network.unstretch(principalOf(request), request.params.network, request.body);
      return await reply.code(202).header('location', `/v1/jobs/${job.jobId}`).send(job);
    },
  });

  app.get('/v1/gateways', {
    config: { access: 'admin' },
    schema: { tags: ['networks'], summary: 'Border gateways of the sites: which is the active one, what they carry', response: { 200: z.object({ gateways: z.array(borderGateway) }) } },
    handler: async (request) => ({ gateways: await network.borderGateways(principalOf(request)) }),
  });

  app.get('/v1/remote-ports', {
    config: { access: 'reader' },
    schema: {
      tags: ['networks'], summary: 'Ports that stand for ports of other sites, as the sites have them now', querystring: z.object({ network: z.string().optional().describe('of this network only') }),
      response: { 200: z.object({ remotePorts: z.array(remotePort), unreachable }) },
    },
    handler: (request) => network.remotePorts(principalOf(request), request.query.network),
  });
};
