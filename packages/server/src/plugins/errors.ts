import { GodwitError } from '@godwit/sites';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toProblem } from '../errors/problem.ts';

/** Everything thrown in a route leaves as application/problem+json; what is not expected is logged in full, and only there. */
export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      new GodwitError('GW_NOT_FOUND', 'terminal', `there is no ${request.method} ${pathOf(request)}`, { action: 'See /openapi.json for what there is.' }),
      request,
      reply,
    ),
  );
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error, request.id);
  if (problem.status >= 500) {
    const level = problem.code === 'GW_INTERNAL' ? 'error' : 'warn';
    request.log[level]({ err: error, code: problem.code }, 'request failed');
  }
  if (problem.status === 401) void reply.header('www-authenticate', 'Keystone');
  if (problem.kind !== 'terminal' && problem.status === 503) void reply.header('retry-after', '5');
  // A string, so that no route's own schemas are applied to it.
  return reply.code(problem.status).type('application/problem+json').serializer((s: string) => s).send(JSON.stringify(problem));
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';
