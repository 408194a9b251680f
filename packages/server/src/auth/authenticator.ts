import { GodwitError, type Site, type SiteRegistry } from '@godwit/sites';
import type { FastifyBaseLogger } from 'fastify';
import type { Authenticate, Clock, Credentials, Identity } from '../types.ts';
import { normalAuthUrl } from './auth-url.ts';
import { readToken } from './read-token.ts';
import { TokenCache } from './token-cache.ts';

export interface AuthenticatorOptions {
  readonly sites: SiteRegistry;
  /** How long a validated token is believed without asking again. At most 60 s, which is the default. */
  readonly cacheMs?: number;
  /** How long one Keystone may take. Default 5 s. */
  readonly timeoutMs?: number;
  /** The same for a site whose last poll failed: it may be back, but nobody waits for it. Default 1 s. */
  readonly downTimeoutMs?: number;
  readonly clock?: Clock;
  readonly log?: Pick<FastifyBaseLogger, 'warn'>;
}

/** Longer than any Keystone token (a JWS with a catalogue is about 2 KiB). */
const maxTokenLength = 8192;

/** What one Keystone said: a token's bearer, that it does not know the token, or nothing of use. */
type Verdict = { site: string } & ({ identity: Identity } | { invalid: true } | { unasked: string });

/** Validates tokens at the Keystones of the sites. Any of them may vouch for a token; what a token is worth is for the roles. */
export function authenticator(options: AuthenticatorOptions): Authenticate {
  const clock = options.clock ?? (() => new Date());
  const cache = new TokenCache(clock, Math.min(options.cacheMs ?? 60_000, 60_000));
  const underWay = new Map<string, Promise<Identity>>();

  return async ({ token, authUrl }: Credentials) => {
    if (token === undefined || token === '') throw missing();
    if (token.length > maxTokenLength || !/^[\x21-\x7e]+$/.test(token)) throw invalid([], []);
    const key = TokenCache.key(token);
    const known = cache.get(key);
    if (known) return known;
    // A burst of requests with one new token asks once.
    const flight = `${key} ${authUrl ?? ''}`;
    let asking = underWay.get(flight);
    if (!asking) {
      asking = ask(options, token, authUrl).finally(() => underWay.delete(flight));
      underWay.set(flight, asking);
    }
    const identity = await asking;
    if (identity.expiresAt.getTime() <= clock().getTime()) throw invalid([identity.site], []);
    cache.set(key, identity);
    return identity;
  };
}

async function ask(options: AuthenticatorOptions, token: string, authUrl: string | undefined): Promise<Identity> {
  const all = keystones(options.sites);
  const wanted = authUrl === undefined ? undefined : normalAuthUrl(authUrl);
  const hinted = wanted === undefined ? [] : all.filter((site) => normalAuthUrl(site.authUrl) === wanted);
  if (hinted.length > 0) {
    const [verdict] = await askAll(options, hinted, token);
    if (verdict && 'identity' in verdict) return verdict.identity;
    if (verdict && 'invalid' in verdict) throw invalid([verdict.site], []);
  }
  const rest = all.filter((site) => !hinted.includes(site));
  const verdicts = await askInTurns(options, rest, token);
  const first = verdicts.find((v) => 'identity' in v);
  if (first && 'identity' in first) return first.identity;
  const refused = verdicts.filter((v) => 'invalid' in v).map((v) => v.site);
  const unasked = verdicts.flatMap((v) => ('unasked' in v ? [{ site: v.site, reason: v.unasked }] : []));
  // The issuer could not be asked: that others do not know the token says nothing about it.
  if (hinted.length > 0) throw unreachable([...hinted.map((s) => ({ site: s.name, reason: 'no answer' })), ...unasked]);
  if (refused.length === 0) throw unreachable(unasked);
  throw invalid(refused, unasked.map((u) => u.site));
}

/** One site of each Keystone: sites that share one need not all be asked; one that answers its polls is preferred. */
function keystones(sites: SiteRegistry): Site[] {
  const byUrl = new Map<string, Site>();
  for (const site of sites.list()) {
    const url = normalAuthUrl(site.authUrl) ?? site.authUrl;
    const other = byUrl.get(url);
    if (other === undefined || (sites.health(other.name).state === 'down' && sites.health(site.name).state !== 'down')) byUrl.set(url, site);
  }
  return [...byUrl.values()];
}

/** Keystones asked side by side; with more of them, further ones only when none of these knows the token. */
const AT_ONCE = 32;

/** Those that answer first. Ends with the first success (then the only verdict), or when all have answered or run out of time. */
async function askInTurns(options: AuthenticatorOptions, sites: readonly Site[], token: string): Promise<Verdict[]> {
  const down = (site: Site): number => (options.sites.health(site.name).state === 'down' ? 1 : 0);
  const ordered = sites.length <= AT_ONCE ? sites : [...sites].sort((a, b) => down(a) - down(b));
  const verdicts: Verdict[] = [];
  for (let i = 0; i < ordered.length; i += AT_ONCE) {
    const some = await askAll(options, ordered.slice(i, i + AT_ONCE), token);
    if (some.some((v) => 'identity' in v)) return some;
    verdicts.push(...some);
  }
  return verdicts;
}

/** Asks side by side. Ends with the first success (then the only verdict), or when all have answered or run out of time. */
async function askAll(options: AuthenticatorOptions, sites: readonly Site[], token: string): Promise<Verdict[]> {
  const stop = new AbortController();
  const verdicts = sites.map((site) => askOne(options, site, token, stop.signal));
  try {
    return await Promise.any(verdicts.map(async (v) => {
      const verdict = await v;
      if ('identity' in verdict) return [verdict];
      throw new Error('not this one');
    }));
  } catch {
    return await Promise.all(verdicts);
  } finally {
    stop.abort();
  }
}

async function askOne(options: AuthenticatorOptions, site: Site, token: string, stop: AbortSignal): Promise<Verdict> {
  const down = options.sites.health(site.name).state === 'down';
  const ms = down ? (options.downTimeoutMs ?? 1_000) : (options.timeoutMs ?? 5_000);
  const timeout = AbortSignal.timeout(ms);
  try {
    // A client that does not heed the signal must not hold up the caller.
    const raw = await Promise.race([site.admin.identity.validateToken(token, { signal: AbortSignal.any([timeout, stop]) }), expiry(timeout, ms)]);
    if (raw === undefined) return { site: site.name, invalid: true };
    return { site: site.name, identity: readToken(site.name, raw) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!stop.aborted) options.log?.warn({ site: site.name, reason }, 'a token could not be validated at this site');
    return { site: site.name, unasked: reason };
  }
}

const expiry = (timeout: AbortSignal, ms: number): Promise<never> =>
  new Promise((_, reject) => timeout.addEventListener('abort', () => reject(new Error(`no answer in ${ms} ms`)), { once: true }));

const missing = (): GodwitError =>
  new GodwitError('GW_TOKEN_MISSING', 'terminal', 'the request has no X-Auth-Token', { action: 'Send a token of Keystone as X-Auth-Token; the godwit command does so by itself.' });

function invalid(refused: readonly string[], unasked: readonly string[]): GodwitError {
  const by = refused.length > 0 ? ` by the Keystone of ${refused.join(', ')}` : '';
  const but = unasked.length > 0 ? ` (${unasked.join(', ')} could not be asked)` : '';
  return new GodwitError('GW_TOKEN_INVALID', 'terminal', `the token is refused${by}${but}: it is expired, revoked, or of a cloud that is no site here`, {
    site: refused.length === 1 ? refused[0] : undefined,
    action: 'Ask the Keystone of one of the sites for a new token.',
    details: { refusedBy: refused, notAsked: unasked },
  });
}

function unreachable(unasked: readonly { site: string; reason: string }[]): GodwitError {
  const names = unasked.map((u) => u.site).join(', ');
  return new GodwitError('GW_IDENTITY_UNREACHABLE', 'waiting', `the token cannot be validated: the Keystone of ${names} does not answer as it should`, {
    site: unasked.length === 1 ? unasked[0]?.site : undefined,
    action: 'Check that it runs and that Godwit’s own credentials there are good (godwit site check), or use a token of another site.',
    // Why is in the log: whoever is not authenticated yet need not know what our network looks like.
    details: { sites: unasked.map((u) => u.site) },
  });
}
