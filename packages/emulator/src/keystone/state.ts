import type { Json } from '../http/service.ts';
import type { Token } from './tokens.ts';

export interface User {
  id: string;
  name: string;
  domain_id: string;
  enabled: boolean;
  password: string;
  /** Tokens issued before are no good: the password was changed, or the user disabled. Milliseconds. */
  tokensFrom: number;
  default_project_id?: string | undefined;
  /** email, description, … as they were given. */
  more: Json;
}

export interface Project {
  id: string;
  name: string;
  domain_id: string;
  parent_id: string;
  enabled: boolean;
  description: string;
  is_domain: boolean;
  tags: readonly string[];
}

/** Domains, roles, groups, regions, services: what is only kept and shown. */
export interface Entity {
  id: string;
  name?: string;
  enabled?: boolean;
  [field: string]: unknown;
}

export interface Endpoint extends Entity {
  service_id: string;
  interface: string;
  region_id: string | null;
  /** `{address}` stands for the site's own address. */
  url: string;
}

export interface ApplicationCredential {
  id: string;
  name: string;
  secret: string;
  user_id: string;
  project_id: string;
  description: string | null;
  roles: readonly string[];
  /** Milliseconds; undefined: never. */
  expiresAt: number | undefined;
  unrestricted: boolean;
}

/** What somebody has a role on. */
export type Scope = { readonly project: string } | { readonly domain: string } | { readonly system: true };

export interface Assignment {
  /** `user` or `group` */
  readonly actor: 'user' | 'group';
  readonly actorId: string;
  readonly scope: Scope;
  readonly roleId: string;
}

export interface KeystoneState {
  readonly users: Map<string, User>;
  readonly projects: Map<string, Project>;
  readonly domains: Map<string, Entity>;
  readonly roles: Map<string, Entity>;
  readonly groups: Map<string, Entity>;
  /** group -> users */
  readonly members: Map<string, Set<string>>;
  readonly regions: Map<string, Entity>;
  readonly services: Map<string, Entity>;
  readonly endpoints: Map<string, Endpoint>;
  readonly assignments: Map<string, Assignment>;
  readonly credentials: Map<string, ApplicationCredential>;
  /** Audit ids of revoked tokens, and when they would have expired anyway. */
  readonly revoked: Map<string, number>;
  readonly key: string;
  /** Tokens that were read before, for as long as nothing changes. */
  readonly cache: Map<string, Token>;
}

export const scopeKey = (scope: Scope): string => ('project' in scope ? `project:${scope.project}` : 'domain' in scope ? `domain:${scope.domain}` : 'system');
export const assignmentKey = (a: Assignment): string => `${a.actor}:${a.actorId}|${scopeKey(a.scope)}|${a.roleId}`;

export function assign(state: KeystoneState, assignment: Assignment): void {
  state.assignments.set(assignmentKey(assignment), assignment);
}

/** Admin implies manager, member and reader, as Keystone's bootstrap makes it. */
const implied: Readonly<Record<string, readonly string[]>> = { admin: ['manager', 'member', 'reader'], manager: ['member', 'reader'], member: ['reader'] };

/** Roles of a user on something, with those they imply. `only`: of these roles and what they imply (an application credential's). */
export function rolesOn(state: KeystoneState, userId: string, scope: Scope, only?: readonly string[]): { id: string; name: string }[] {
  const wanted = scopeKey(scope);
  const groups = [...state.members].filter(([, users]) => users.has(userId)).map(([group]) => group);
  const names = new Set<string>();
  for (const assignment of state.assignments.values()) {
    const mine = assignment.actor === 'user' ? assignment.actorId === userId : groups.includes(assignment.actorId);
    if (mine && scopeKey(assignment.scope) === wanted) add(names, state.roles.get(assignment.roleId)?.name);
  }
  const kept = only && new Set<string>();
  for (const id of only ?? []) if (kept) add(kept, state.roles.get(id)?.name);
  return [...state.roles.values()].filter(({ name = '' }) => names.has(name) && (kept?.has(name) ?? true)).map((role) => ({ id: role.id, name: role.name ?? '' }));
}

function add(names: Set<string>, name: string | undefined): void {
  if (name === undefined) return;
  names.add(name);
  for (const more of implied[name] ?? []) names.add(more);
}
