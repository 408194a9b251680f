import { type AgentHub, type AgentInfo, agentName, roles } from '@godwit/agent-hub';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import { noAgents } from '../wiring/keystone-nodes.ts';
import type { Routes } from './route.ts';

const role = z.enum(roles);
const nodeName = z.string().refine((n) => agentName.safeParse(n).success, 'letters, digits, dots, dashes and underscores, at most 128');

const agentSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    site: z.string(),
    role,
    state: z.enum(['active', 'revoked']),
    connected: z.boolean().describe('to any controller'),
    controllers: z.array(z.string()).describe('those that it is connected to'),
    enrolledAt: z.string(),
    certificateExpiresAt: z.string(),
    lastSeen: z.string().optional().describe('when its last report came'),
    skewMs: z.number().optional().describe('its clock minus the controller’s'),
    report: z.looseObject({}).optional().describe('its last report; keys by their hashes'),
  })
  .meta({ id: 'Agent' });

const tokenSchema = z
  .object({ token: z.string().describe('shown once'), name: z.string(), site: z.string(), role, expiresAt: z.string() })
  .meta({ id: 'AgentToken' });

const params = z.object({ agent: z.string().min(1).max(128) });
const tags = ['agents'];

/** The agents on nodes of the sites. For administrators only: whoever has a token can put a machine in the place of a Keystone. */
export const agentRoutes: Routes = (app, { agents, sites }) => {
  const hub = (): AgentHub => {
    if (agents) return agents;
    throw noAgents();
  };

  app.get('/v1/agents', {
    config: { access: 'admin' },
    schema: { tags, summary: 'The agents and how they are', querystring: z.object({ site: z.string().optional(), role: role.optional() }), response: { 200: z.object({ agents: z.array(agentSchema) }) } },
    handler: async ({ query: { site, role: ofRole } }) => ({ agents: (await hub().list({ ...(site !== undefined && { site }), ...(ofRole && { role: ofRole }) })).map(present) }),
  });

  app.get('/v1/agents/:agent', {
    config: { access: 'admin' },
    schema: { tags, summary: 'One agent, with its last report', params, response: { 200: agentSchema } },
    handler: async ({ params: { agent } }) => present(await hub().get(agent)),
  });

  app.post('/v1/agents/:agent/revoke', {
    config: { access: 'admin' },
    schema: { tags, summary: 'Cuts an agent off, at once and for good', params, response: { 200: agentSchema } },
    handler: async ({ params: { agent } }) => present(await hub().revoke(agent)),
  });

  app.delete('/v1/agents/:agent', {
    config: { access: 'admin' },
    schema: { tags, summary: 'Cuts an agent off and forgets it; its name may be enrolled again', params, response: { 204: z.undefined() } },
    handler: async ({ params: { agent } }, reply) => {
      await hub().remove(agent);
      return await reply.code(204).send();
    },
  });

  app.post('/v1/agent-tokens', {
    config: { access: 'admin' },
    schema: {
      tags,
      summary: 'A token with which one node may enrol once',
      body: z.strictObject({ name: nodeName, site: z.string(), role, ttlSeconds: z.number().int().min(10).max(7 * 86_400).default(3_600) }),
      response: { 201: tokenSchema },
    },
    handler: async (request, reply) => {
      const { name, site, role: ofRole, ttlSeconds } = request.body;
      const made = await hub().createToken({ name, site: sites.get(site).name, role: ofRole, ttlMs: ttlSeconds * 1_000, createdBy: principalOf(request).userName });
      return await reply.code(201).header('cache-control', 'no-store').send({ ...made, expiresAt: made.expiresAt.toISOString() });
    },
  });
};

function present({ enrolledAt, certificateExpiresAt, lastSeen, controllers, report, ...agent }: AgentInfo): z.infer<typeof agentSchema> {
  return {
    ...agent,
    controllers: [...controllers],
    enrolledAt: enrolledAt.toISOString(),
    certificateExpiresAt: certificateExpiresAt.toISOString(),
    ...(lastSeen && { lastSeen: lastSeen.toISOString() }),
    ...(report && { report: { ...report } }),
  };
}
