import type { FastifyInstance } from 'fastify';

/** One line a request, when it is answered. Headers and bodies are not logged at all: tokens travel in them. */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const quiet = request.routeOptions.config?.access === 'public';
    const { principal } = request;
    request.log[quiet ? 'debug' : 'info'](
      {
        method: request.method,
        path: request.url.split('?', 1)[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        ...(principal && { user: principal.userName, project: principal.project && `${principal.project.domain}/${principal.project.name}` }),
      },
      'answered',
    );
    done();
  });
}
