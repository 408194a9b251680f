import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { bodyOf } from '../http/body.ts';
import { type Call, created, noContent, ok, type Route } from '../http/service.ts';
import { missing } from './format.ts';
import { type ApplicationCredential, type KeystoneState, rolesOn } from './state.ts';
import { changed } from './tokens.ts';
import { credentialView } from './views.ts';

type KCall = Call<KeystoneState>;

const schema = z.object({
  application_credential: z.object({
    name: z.string().min(1),
    secret: z.string().nullish(),
    description: z.string().nullish(),
    expires_at: z.string().nullish(),
    unrestricted: z.boolean().default(false),
    roles: z.array(z.object({ id: z.string().optional(), name: z.string().optional() })).optional(),
  }),
});

const path = '/users/:user/application_credentials';
const own = ({ token, params }: KCall): boolean => token.admin || token.userId === params['user'];
const one = ({ state, params }: KCall): ApplicationCredential => {
  const found = state.credentials.get(params['id'] ?? '');
  if (!found || found.user_id !== params['user']) throw missing('application credential', params['id'] ?? '');
  return found;
};

export const credentialRoutes: readonly Route<KeystoneState>[] = [
  {
    method: 'GET', path, policy: own, rule: 'identity:list_application_credentials',
    handler: ({ state, params, query, root }) => ok({
      application_credentials: [...state.credentials.values()].filter((c) => c.user_id === params['user'] && (!query.has('name') || query.get('name') === c.name)).map((c) => credentialView(state, c, root)),
      links: { self: `${root}/v3/users/${params['user'] ?? ''}/application_credentials`, previous: null, next: null },
    }),
  },
  { method: 'GET', path: `${path}/:id`, policy: own, rule: 'identity:get_application_credential', handler: (call) => ok({ application_credential: credentialView(call.state, one(call), call.root) }) },
  {
    method: 'POST', path, rule: 'identity:create_application_credential',
    // Only for oneself: not even an administrator may make another's.
    policy: ({ token, params }) => token.userId === params['user'],
    handler: (call) => {
      const { state, site, token, body, root } = call;
      const wanted = bodyOf(schema, body).application_credential;
      if (token.projectId === undefined) throw new ApiError(400, 'A project-scoped token is required to create an application credential.');
      if ([...state.credentials.values()].some((c) => c.user_id === token.userId && c.name === wanted.name)) throw new ApiError(409, `Conflict occurred attempting to store application_credential - Duplicate entry found with name ${wanted.name}.`);
      const held = rolesOn(state, token.userId, { project: token.projectId });
      const roles = wanted.roles?.map((r) => held.find((h) => h.id === r.id || h.name === r.name)) ?? held;
      if (roles.some((r) => r === undefined)) throw new ApiError(400, 'Invalid application credential: Could not find role assignment.');
      const expiresAt = wanted.expires_at ? Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(wanted.expires_at) ? wanted.expires_at : `${wanted.expires_at}Z`) : undefined;
      if (expiresAt !== undefined && !(expiresAt > site.now())) throw new ApiError(400, 'The \'expires_at\' must not be before now. The server could not comply with the request since it is either malformed or otherwise incorrect.');
      const credential: ApplicationCredential = {
        id: site.random.hex(), name: wanted.name, secret: wanted.secret ?? site.random.hex(64), user_id: token.userId, project_id: token.projectId,
        description: wanted.description ?? null, roles: roles.flatMap((r) => r?.id ?? []), expiresAt, unrestricted: wanted.unrestricted,
      };
      state.credentials.set(credential.id, credential);
      return created({ application_credential: { ...credentialView(state, credential, root), secret: credential.secret } });
    },
  },
  {
    method: 'DELETE', path: `${path}/:id`, policy: own, rule: 'identity:delete_application_credential',
    handler: (call) => {
      call.state.credentials.delete(one(call).id);
      changed(call.state);
      return noContent;
    },
  },
];
