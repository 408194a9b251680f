import { ApiError } from '../errors.ts';
import { created, noContent, ok, type Answer, type Call, type Route } from '../http/service.ts';
import { logIn, tokenBody } from './auth.ts';
import { catalogOf } from './catalog.ts';
import { projectView } from './views.ts';
import { type KeystoneState, rolesOn } from './state.ts';
import { read, revoke, type Token } from './tokens.ts';

type KCall = Call<KeystoneState>;

/** The token that a request is about. Whoever asks about another's must be an administrator or a service. @throws ApiError 403, 404 */
function subject(call: KCall, rule: string): Token {
  const id = call.headers['x-subject-token'];
  const own = call.headers['x-auth-token'];
  if (typeof id !== 'string') throw new ApiError(404, 'Could not find token: None.');
  if (id !== own && !call.token.admin && !call.token.roles.includes('service')) throw new ApiError(403, `You are not authorized to perform the requested action: ${rule}.`);
  const token = read(call.state, call.site, id);
  if (!token) throw new ApiError(404, 'Failed to validate token');
  return token;
}

const withCatalog = (call: KCall): boolean => !call.query.has('nocatalog');
const validate = (call: KCall): Answer => {
  const token = subject(call, 'identity:validate_token');
  return ok(tokenBody(call.state, call.site, token, withCatalog(call)), { 'x-subject-token': token.id, vary: 'X-Auth-Token' });
};

export const tokenRoutes: readonly Route<KeystoneState>[] = [
  {
    method: 'POST', path: '/auth/tokens', auth: false,
    handler: (call) => {
      const token = logIn(call.state, call.site, call.body);
      return created(tokenBody(call.state, call.site, token, withCatalog(call)), { 'x-subject-token': token.id, vary: 'X-Auth-Token' });
    },
  },
  { method: 'GET', path: '/auth/tokens', policy: 'any', handler: validate },
  { method: 'HEAD', path: '/auth/tokens', policy: 'any', handler: validate },
  {
    method: 'DELETE', path: '/auth/tokens', policy: 'any',
    handler: (call) => {
      revoke(call.state, call.site, subject(call, 'identity:revoke_token'));
      return noContent;
    },
  },
  { method: 'GET', path: '/auth/catalog', policy: 'any', handler: (call) => ok({ catalog: catalogOf(call.state, call.site, call.token.projectId), links: { self: `${call.root}/v3/auth/catalog`, previous: null, next: null } }) },
  { method: 'GET', path: '/auth/projects', policy: 'any', handler: ({ state, token, root }) => ok({ projects: [...state.projects.values()].filter((p) => rolesOn(state, token.userId, { project: p.id }).length > 0).map((p) => projectView(p, root)), links: { self: `${root}/v3/auth/projects`, previous: null, next: null } }) },
  { method: 'GET', path: '/auth/domains', policy: 'any', handler: ({ state, token, root }) => ok({ domains: [...state.domains.values()].filter((d) => rolesOn(state, token.userId, { domain: d.id }).length > 0), links: { self: `${root}/v3/auth/domains`, previous: null, next: null } }) },
  { method: 'GET', path: '/auth/system', policy: 'any', handler: ({ state, token, root }) => ok({ system: rolesOn(state, token.userId, { system: true }).length > 0 ? [{ all: true }] : [], links: { self: `${root}/v3/auth/system` } }) },
];
