import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TokenContext } from '../between.ts';
import type { Site } from '../core/site.ts';
import { type KeystoneState, rolesOn, type Scope } from './state.ts';

/** [token] expiration */
const LIFE_MS = 3_600_000;
const PREFIX = 'gAAAAA';

/** What a token says by itself: like Fernet's, it is kept nowhere, and judged anew at every validation. */
export interface TokenPayload {
  readonly user: string;
  /** undefined: unscoped */
  readonly scope: Scope | undefined;
  readonly methods: readonly string[];
  /** Milliseconds, by the site's clock. */
  readonly issued: number;
  readonly expires: number;
  readonly audit: string;
  readonly credential?: string;
}

export interface Token {
  readonly id: string;
  readonly payload: TokenPayload;
  readonly roles: readonly { readonly id: string; readonly name: string }[];
  readonly context: TokenContext;
}

const sign = (state: KeystoneState, text: string): Buffer => createHmac('sha256', state.key).update(text).digest();

export function issue(state: KeystoneState, site: Site, wanted: Pick<TokenPayload, 'user' | 'scope' | 'methods' | 'credential'> & { readonly expires?: number }): Token | undefined {
  const issued = Math.floor(site.now());
  const payload: TokenPayload = { ...wanted, issued, expires: Math.min(wanted.expires ?? Infinity, issued + LIFE_MS), audit: site.random.hex(22) };
  const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
  return judge(state, site, `${PREFIX}${text}.${sign(state, text).toString('base64url')}`, payload);
}

/** undefined: forged, expired, revoked, or its user, project or roles are gone. */
export function read(state: KeystoneState, site: Site, id: string): Token | undefined {
  const known = state.cache.get(id);
  if (known) return known.payload.expires > site.now() ? known : undefined;
  const [text = '', signature = ''] = id.slice(PREFIX.length).split('.');
  if (!id.startsWith(PREFIX) || text === '') return undefined;
  const given = Buffer.from(signature, 'base64url');
  const right = sign(state, text);
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  return judge(state, site, id, JSON.parse(Buffer.from(text, 'base64url').toString()) as TokenPayload);
}

function judge(state: KeystoneState, site: Site, id: string, payload: TokenPayload): Token | undefined {
  const user = state.users.get(payload.user);
  if (!user?.enabled || payload.expires <= site.now() || payload.issued < user.tokensFrom || state.revoked.has(payload.audit)) return undefined;
  const credential = payload.credential === undefined ? undefined : state.credentials.get(payload.credential);
  if (payload.credential !== undefined && !credential) return undefined;
  const { scope } = payload;
  const project = scope && 'project' in scope ? state.projects.get(scope.project) : undefined;
  if (scope && 'project' in scope && !project?.enabled) return undefined;
  const roles = scope ? rolesOn(state, user.id, scope, credential?.roles) : [];
  if (scope && roles.length === 0) return undefined;
  const names = roles.map((r) => r.name);
  const token: Token = {
    id, payload, roles,
    context: {
      userId: user.id, userName: user.name,
      projectId: project?.id, projectName: project?.name,
      domainId: scope && 'domain' in scope ? scope.domain : undefined,
      system: scope !== undefined && 'system' in scope,
      roles: names,
      admin: names.includes('admin'), reader: names.includes('reader'), member: names.includes('member'),
    },
  };
  if (state.cache.size > 2000) state.cache.clear();
  state.cache.set(id, token);
  return token;
}

/** Something changed on which tokens rest: all are judged anew. */
export const changed = (state: KeystoneState): void => state.cache.clear();

export function revoke(state: KeystoneState, site: Site, token: Token): void {
  const now = site.now();
  for (const [audit, until] of state.revoked) if (until < now) state.revoked.delete(audit);
  state.revoked.set(token.payload.audit, token.payload.expires);
  changed(state);
}
