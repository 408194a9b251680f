import { z } from 'zod';
import type { Site } from '../core/site.ts';
import { ApiError } from '../errors.ts';
import { bodyOf } from '../http/body.ts';
import { catalogOf } from './catalog.ts';
import { unauthorized } from './format.ts';
import { type KeystoneState, rolesOn, type Scope, type User } from './state.ts';
import { issue, read, type Token } from './tokens.ts';

const domain = z.object({ id: z.string().optional(), name: z.string().optional() });
const userRef = z.object({ id: z.string().optional(), name: z.string().optional(), domain: domain.optional() });

export const authSchema = z.object({
  auth: z.object({
    identity: z.object({
      methods: z.array(z.string(), { error: "'methods' is a required property" }).min(1),
      password: z.object({ user: userRef.extend({ password: z.string() }) }).optional(),
      token: z.object({ id: z.string() }).optional(),
      application_credential: z.object({ id: z.string().optional(), name: z.string().optional(), secret: z.string(), user: userRef.optional() }).optional(),
    }),
    scope: z
      .union([
        z.literal('unscoped'),
        z.object({
          project: z.object({ id: z.string().optional(), name: z.string().optional(), domain: domain.optional() }).optional(),
          domain: domain.optional(),
          system: z.object({ all: z.boolean() }).optional(),
          unscoped: z.unknown().optional(),
        }),
      ])
      .optional(),
  }),
});
type Auth = z.infer<typeof authSchema>['auth'];

/** Who it is, and what the way of proving it says about the token. */
interface Proof {
  readonly user: User;
  readonly expires?: number;
  readonly credential?: string;
  readonly scope?: Scope;
  readonly methods: readonly string[];
}

/** @throws ApiError 400, 401, 403 */
export function logIn(state: KeystoneState, site: Site, body: unknown): Token {
  const { auth } = bodyOf(authSchema, body);
  const proof = prove(state, site, auth);
  const scope = proof.scope ?? scopeOf(state, auth, proof.user);
  const token = issue(state, site, {
    user: proof.user.id, scope, methods: proof.methods,
    ...(proof.credential !== undefined && { credential: proof.credential }),
    ...(proof.expires !== undefined && { expires: proof.expires }),
  });
  if (!token) throw unauthorized();
  return token;
}

function prove(state: KeystoneState, site: Site, { identity, scope }: Auth): Proof {
  const { methods } = identity;
  if (methods.includes('application_credential') && identity.application_credential) {
    const { id, name, secret, user } = identity.application_credential;
    const owner = user && findUser(state, user);
    const credential = id === undefined ? [...state.credentials.values()].find((c) => c.name === name && c.user_id === owner?.id) : state.credentials.get(id);
    const holder = credential && state.users.get(credential.user_id);
    if (!credential || credential.secret !== secret || !holder?.enabled || (credential.expiresAt !== undefined && credential.expiresAt <= site.now())) throw unauthorized();
    if (scope !== undefined) throw unauthorized();
    return { user: holder, methods: ['application_credential'], credential: credential.id, scope: { project: credential.project_id }, ...(credential.expiresAt !== undefined && { expires: credential.expiresAt }) };
  }
  if (methods.includes('password') && identity.password) {
    const user = findUser(state, identity.password.user);
    if (!user?.enabled || user.password !== identity.password.user.password) throw unauthorized();
    return { user, methods: ['password'] };
  }
  if (methods.includes('token') && identity.token) {
    const token = read(state, site, identity.token.id);
    const user = token && state.users.get(token.payload.user);
    if (!token || !user) throw unauthorized();
    if (token.payload.credential !== undefined) throw new ApiError(403, 'Using method application_credential is not allowed for rescoping.');
    // A token got for a token does not live longer than it.
    return { user, methods: [...new Set(['token', ...token.payload.methods])], expires: token.payload.expires };
  }
  throw unauthorized();
}

const sameDomain = (state: KeystoneState, id: string, ref: { id?: string | undefined; name?: string | undefined } | undefined): boolean =>
  ref === undefined || (ref.id === undefined ? state.domains.get(id)?.name === ref.name : ref.id === id);

function findUser(state: KeystoneState, ref: z.infer<typeof userRef>): User | undefined {
  if (ref.id !== undefined) return state.users.get(ref.id);
  if (!ref.domain) return undefined;
  return [...state.users.values()].find((u) => u.name === ref.name && sameDomain(state, u.domain_id, ref.domain));
}

function scopeOf(state: KeystoneState, { scope }: Auth, user: User): Scope | undefined {
  if (scope === undefined) {
    const home = user.default_project_id;
    return home !== undefined && rolesOn(state, user.id, { project: home }).length > 0 ? { project: home } : undefined;
  }
  if (scope === 'unscoped' || scope.unscoped !== undefined) return undefined;
  if (scope.system) return { system: true };
  if (scope.domain) {
    const wanted = scope.domain;
    const found = [...state.domains.values()].find((d) => (wanted.id === undefined ? d.name === wanted.name : d.id === wanted.id));
    if (!found) throw unauthorized();
    return { domain: found.id };
  }
  if (!scope.project) throw new ApiError(400, 'Expecting to find valid JSON in scope.');
  const wanted = scope.project;
  const found = wanted.id === undefined ? [...state.projects.values()].find((p) => p.name === wanted.name && sameDomain(state, p.domain_id, wanted.domain)) : state.projects.get(wanted.id);
  if (!found) throw unauthorized();
  return { project: found.id };
}

/** The body of a token, as POST and GET /auth/tokens answer it. */
export function tokenBody(state: KeystoneState, site: Site, token: Token, withCatalog: boolean): { token: Record<string, unknown> } {
  const { payload, roles, context } = token;
  const user = state.users.get(payload.user);
  const domainOf = (id: string | undefined) => ({ id, name: state.domains.get(id ?? '')?.name });
  const project = state.projects.get(context.projectId ?? '');
  const credential = payload.credential === undefined ? undefined : state.credentials.get(payload.credential);
  return {
    token: {
      methods: payload.methods,
      user: { domain: domainOf(user?.domain_id), id: user?.id, name: user?.name, password_expires_at: null },
      audit_ids: [payload.audit],
      expires_at: microseconds(payload.expires),
      issued_at: microseconds(payload.issued),
      ...(project && { project: { domain: domainOf(project.domain_id), id: project.id, name: project.name }, is_domain: project.is_domain }),
      ...(context.domainId !== undefined && { domain: domainOf(context.domainId) }),
      ...(context.system && { system: { all: true } }),
      ...(credential && { application_credential: { id: credential.id, name: credential.name, restricted: !credential.unrestricted } }),
      ...(payload.scope && { roles, ...(withCatalog && { catalog: catalogOf(state, site, context.projectId) }) }),
    },
  };
}

/** `2026-11-24T19:31:00.000000Z` */
export const microseconds = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
