import { randomUUID } from 'node:crypto';
import fastify, { LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { registerAuth } from './plugins/auth.ts';
import { registerBodies } from './plugins/bodies.ts';
import { registerClosing } from './plugins/closing.ts';
import { registerErrors, sendProblem } from './plugins/errors.ts';
import { registerNul } from './plugins/nul.ts';
import { registerOpenApi } from './plugins/openapi.ts';
import { registerRequestLog } from './plugins/request-log.ts';
import { agentRoutes } from './routes/agents.ts';
import { catalogRoutes } from './routes/catalog.ts';
import { eventRoutes } from './routes/events.ts';
import { groupRoutes } from './routes/groups.ts';
import { healthRoutes } from './routes/health.ts';
import { identityRoutes } from './routes/identity.ts';
import { jobRoutes } from './routes/jobs.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { networkRoutes } from './routes/networks.ts';
import { vipRoutes } from './routes/vips.ts';
import { pointRoutes } from './routes/points.ts';
import { resourceRoutes } from './routes/resources.ts';
import type { App } from './routes/route.ts';
import { serverRoutes } from './routes/servers.ts';
import { siteRoutes } from './routes/sites.ts';
import { lenientSerializer } from './serializer.ts';
import type { ServerDeps } from './types.ts';

const requestId = /^[\w.:-]{1,128}$/;

/** The HTTP API over what it is given. Does not listen yet, and owns none of what it is given. */
export async function createServer(deps: ServerDeps): Promise<App> {
  const base = fastify({
    loggerInstance: deps.log,
    ...(deps.tls && { https: { ...deps.tls } }),
    bodyLimit: deps.bodyLimit ?? 256 * 1024,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: (raw) => {
      const given = raw.headers['x-request-id'];
      return typeof given === 'string' && requestId.test(given) ? given : `req-${randomUUID()}`;
    },
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply),
  });
  const app = base.withTypeProvider<ZodTypeProvider>() as unknown as App;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(deps.strictAnswers === true ? serializerCompiler : lenientSerializer(deps.log));
  registerClosing(app);
  registerErrors(app);
  registerRequestLog(app);
  registerAuth(app, deps);
  registerBodies(app);
  registerNul(app);
  await registerOpenApi(app, deps.version ?? '0.0.0');
  for (const routes of [metricsRoutes, healthRoutes, siteRoutes, groupRoutes, pointRoutes, jobRoutes, eventRoutes, catalogRoutes, serverRoutes, agentRoutes, resourceRoutes, networkRoutes, vipRoutes, identityRoutes]) routes(app, deps);
  return app;
}
