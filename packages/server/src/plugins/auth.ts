import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authorize, defaultRoles } from '../auth/roles.ts';
import type { Principal, ServerDeps } from '../types.ts';

/** Authenticates before anything of a request's body is read. Closed by default: a route that names no access does not start. */
export function registerAuth(app: FastifyInstance, deps: ServerDeps): void {
  const roles = deps.roles ?? defaultRoles;
  app.decorateRequest('principal', undefined);
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`${String(route.method)} ${route.url} does not say who may use it`);
  });
  app.addHook('onRequest', async (request) => {
    // No route: answered by the 404 handler, which shows nothing.
    if (request.is404) return;
    const { access } = request.routeOptions.config;
    if (access === 'public') return;
    const identity = await deps.authenticate({ token: header(request, 'x-auth-token'), authUrl: header(request, 'x-auth-url') });
    request.principal = authorize(identity, access ?? 'admin', roles);
  });
}

/** The caller of a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === undefined) throw new Error('a public route has no caller');
  return request.principal;
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
