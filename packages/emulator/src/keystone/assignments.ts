import { ApiError } from '../errors.ts';
import { type Call, noContent, ok, type Route } from '../http/service.ts';
import { missing } from './format.ts';
import { type Assignment, assign, assignmentKey, type KeystoneState, rolesOn, type Scope } from './state.ts';
import { changed } from './tokens.ts';
import { projectView, userView } from './views.ts';

type KCall = Call<KeystoneState>;
type Actor = Assignment['actor'];

const targets: readonly { readonly path: string; scope(call: KCall): Scope }[] = [
  {
    path: '/projects/:target',
    scope: ({ state, params }) => {
      const id = params['target'] ?? '';
      if (!state.projects.has(id)) throw missing('project', id);
      return { project: id };
    },
  },
  {
    path: '/domains/:target',
    scope: ({ state, params }) => {
      const id = params['target'] ?? '';
      if (!state.domains.has(id)) throw missing('domain', id);
      return { domain: id };
    },
  },
  { path: '/system', scope: () => ({ system: true }) },
];

function assignmentOf(call: KCall, actor: Actor, scope: Scope): Assignment {
  const actorId = call.params['actor'] ?? '';
  const roleId = call.params['role'] ?? '';
  if (!(actor === 'user' ? call.state.users : call.state.groups).has(actorId)) throw missing(actor, actorId);
  if (!call.state.roles.has(roleId)) throw missing('role', roleId);
  return { actor, actorId, scope, roleId };
}

const grants: Route<KeystoneState>[] = targets.flatMap(({ path, scope }) =>
  (['user', 'group'] as const).flatMap((actor): Route<KeystoneState>[] => {
    const base = `${path}/${actor}s/:actor/roles`;
    const existing = (call: KCall): Assignment => {
      const assignment = assignmentOf(call, actor, scope(call));
      if (!call.state.assignments.has(assignmentKey(assignment))) throw new ApiError(404, `Could not find role assignment with role: ${assignment.roleId}, user or group: ${assignment.actorId}, project, domain, or system: ${call.params['target'] ?? 'system'}.`);
      return assignment;
    };
    return [
      {
        method: 'PUT', path: `${base}/:role`, policy: 'admin', rule: 'identity:create_grant',
        handler: (call) => {
          assign(call.state, assignmentOf(call, actor, scope(call)));
          changed(call.state);
          return noContent;
        },
      },
      {
        method: 'DELETE', path: `${base}/:role`, policy: 'admin', rule: 'identity:revoke_grant',
        handler: (call) => {
          call.state.assignments.delete(assignmentKey(existing(call)));
          changed(call.state);
          return noContent;
        },
      },
      { method: 'HEAD', path: `${base}/:role`, policy: 'admin', rule: 'identity:check_grant', handler: (call) => (existing(call), noContent) },
      {
        method: 'GET', path: base, policy: 'admin', rule: 'identity:list_grants',
        handler: (call) => {
          const wanted = scope(call);
          const roles = [...call.state.assignments.values()].filter((a) => a.actor === actor && a.actorId === call.params['actor'] && JSON.stringify(a.scope) === JSON.stringify(wanted));
          return ok({ roles: roles.map((a) => call.state.roles.get(a.roleId)), links: { self: `${call.root}/v3${call.path}`, previous: null, next: null } });
        },
      },
    ];
  }),
);

/** `include_names`, and the filters that Godwit and the `openstack` client use. Administrators see all, others what is their own. */
const list: Route<KeystoneState> = {
  method: 'GET', path: '/role_assignments', policy: ({ token, query }) => token.admin || query.get('user.id') === token.userId, rule: 'identity:list_role_assignments',
  handler: ({ state, query, root }) => {
    const names = query.has('include_names') && query.get('include_names') !== 'false';
    const wanted = (key: string, value: string | undefined): boolean => !query.has(key) || query.get(key) === value;
    const named = <T extends { id: string; name?: string; domain_id?: unknown }>(id: string, map: Map<string, T>) =>
      names ? { id, name: map.get(id)?.name, ...(map.get(id)?.domain_id !== undefined && map.get(id)?.domain_id !== null && { domain: { id: map.get(id)?.domain_id, name: state.domains.get(String(map.get(id)?.domain_id))?.name } }) } : { id };
    const effective = query.has('effective') && query.get('effective') !== 'false';
    const all = effective ? spread(state) : [...state.assignments.values()];
    const rows = all
      .filter((a) => wanted('role.id', a.roleId) && wanted(`${a.actor}.id`, a.actorId) && (a.actor === 'user' || !query.has('user.id')) && (a.actor === 'group' || !query.has('group.id')))
      .filter(({ scope }) => wanted('scope.project.id', 'project' in scope ? scope.project : undefined) && wanted('scope.domain.id', 'domain' in scope ? scope.domain : undefined) && (!query.has('scope.system') || 'system' in scope));
    return ok({
      role_assignments: rows.map(({ actor, actorId, scope, roleId }) => ({
        role: named(roleId, state.roles),
        [actor]: actor === 'user' ? named(actorId, state.users) : named(actorId, state.groups),
        scope: 'project' in scope ? { project: named(scope.project, state.projects) } : 'domain' in scope ? { domain: named(scope.domain, state.domains) } : { system: { all: true } },
        links: { assignment: `${root}/v3/role_assignments` },
      })),
      links: { self: `${root}/v3/role_assignments`, previous: null, next: null },
    });
  },
};

/** Every role that a user has in effect: of groups, and implied. */
function spread(state: KeystoneState): Assignment[] {
  const scopes = new Map([...state.assignments.values()].map((a) => [JSON.stringify(a.scope), a.scope]));
  return [...state.users.keys()].flatMap((user) => [...scopes.values()].flatMap((scope) => rolesOn(state, user, scope).map((role): Assignment => ({ actor: 'user', actorId: user, scope, roleId: role.id }))));
}

const own = ({ token, params }: KCall): boolean => token.admin || token.userId === params['actor'];

export const assignmentRoutes: readonly Route<KeystoneState>[] = [
  ...grants,
  list,
  {
    method: 'GET', path: '/users/:actor/projects', policy: own, rule: 'identity:list_user_projects',
    handler: ({ state, params, root }) => ok({ projects: [...state.projects.values()].filter((p) => rolesOn(state, params['actor'] ?? '', { project: p.id }).length > 0).map((p) => projectView(p, root)), links: { self: `${root}/v3/users/${params['actor'] ?? ''}/projects`, previous: null, next: null } }),
  },
  {
    method: 'POST', path: '/users/:actor/password', policy: own, rule: 'identity:change_password',
    handler: ({ state, params, body, site }) => {
      const user = state.users.get(params['actor'] ?? '');
      const { password, original_password } = (body['user'] ?? {}) as Record<string, unknown>;
      if (!user || original_password !== user.password || typeof password !== 'string') throw new ApiError(401, 'The request you have made requires authentication.');
      user.password = password;
      user.tokensFrom = site.now();
      changed(state);
      return noContent;
    },
  },
  {
    method: 'GET', path: '/groups/:group/users', policy: 'admin', rule: 'identity:list_users_in_group',
    handler: ({ state, params, root }) => ok({ users: [...(state.members.get(params['group'] ?? '') ?? [])].flatMap((id) => state.users.get(id) ?? []).map((u) => userView(u, root)), links: { self: null, previous: null, next: null } }),
  },
  {
    method: 'PUT', path: '/groups/:group/users/:actor', policy: 'admin', rule: 'identity:add_user_to_group',
    handler: ({ state, params }) => {
      const { group = '', actor = '' } = params;
      if (!state.groups.has(group)) throw missing('group', group);
      if (!state.users.has(actor)) throw missing('user', actor);
      state.members.set(group, (state.members.get(group) ?? new Set()).add(actor));
      changed(state);
      return noContent;
    },
  },
  {
    method: 'DELETE', path: '/groups/:group/users/:actor', policy: 'admin', rule: 'identity:remove_user_from_group',
    handler: ({ state, params }) => {
      if (state.members.get(params['group'] ?? '')?.delete(params['actor'] ?? '') !== true) throw missing('user', params['actor'] ?? '');
      changed(state);
      return noContent;
    },
  },
];
