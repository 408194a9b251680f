import * as z from 'zod';
import { OpenStackError, isOpenStackError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { CallOptions, Clock, CloudConfig, ServiceType } from '../types.ts';
import { parseBody } from '../parse.ts';
import { authBody } from './auth-body.ts';
import { discoveryUrl, endpointOf, versioned } from './endpoints.ts';
import { rangeOf, versionsBody, type VersionRange } from './microversion.ts';
import { singleFlight } from './single-flight.ts';
import { tokenBody, tokenInfo, type Token } from './token.ts';

/** A token and what it opens: endpoints and the versions they speak. */
export interface Session {
  /** The present token; issued anew five minutes (or a tenth of its life) before it expires. One request at a time. */
  token(options?: CallOptions): Promise<Token>;
  /** One more token, of which the session keeps nothing: to try Keystone with. */
  issue(options?: CallOptions): Promise<Token>;
  /** Address of a service, from the overrides or the catalogue. OS_ENDPOINT_MISSING when there is none. */
  endpoint(service: ServiceType, options?: CallOptions): Promise<string>;
  /** The microversions of a service's endpoint, asked for once. */
  versions(service: ServiceType, options?: CallOptions): Promise<VersionRange | undefined>;
  /** Forgets a token that a service did not accept. Another that came since stays. */
  forget(token: Token): void;
  /** Forgets what versions a service speaks, when it turns out to be wrong. */
  forgetVersions(service: ServiceType): void;
  /** Does beforehand what would cost time later: token, versions, connections. */
  warm(services: readonly ServiceType[], options?: CallOptions): Promise<void>;
}

interface Held {
  readonly token: Token;
  /** On our own clock, from the life the token had when we asked for it: so a skewed clock does no harm. */
  readonly renewAt: number;
  readonly deadAt: number;
}

const RENEW_BEFORE_MS = 5 * 60_000;
const VERSIONS_TTL_MS = 60 * 60_000;
/** After a failed renewal the old token serves on; Keystone is not asked again before this. */
const RENEW_PAUSE_MS = 10_000;

export function createSession(config: CloudConfig, http: HttpClient, clock: Clock): Session {
  let held: Held | undefined;
  let renewNotBefore = 0;
  const ranges = new Map<ServiceType, { readonly url: string; readonly until: number; readonly range: VersionRange | undefined }>();
  const shareIssue = singleFlight<Token>();
  const shareVersions = new Map<ServiceType, ReturnType<typeof singleFlight<VersionRange | undefined>>>();

  async function ask(options: CallOptions): Promise<Held> {
    const asked = clock.now();
    const response = await http.send({
      service: 'identity',
      method: 'POST',
      url: `${versioned('identity', config.auth.authUrl, undefined)}/auth/tokens`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(authBody(config.auth)),
      // A token more or less does no harm.
      safe: true,
      options,
    });
    const name = { service: 'identity' as const, method: 'POST', path: '/v3/auth/tokens', requestId: response.requestId };
    const id = response.headers['x-subject-token'];
    if (!id) throw new OpenStackError({ ...name, code: 'OS_BAD_RESPONSE', kind: 'terminal', message: 'identity: POST /v3/auth/tokens: the answer has no X-Subject-Token. Is auth_url a Keystone?' });
    const info = tokenInfo(parseBody(tokenBody, response.text, name));
    const issued = info.issuedAt?.getTime() ?? dateHeader(response.headers['date']) ?? asked;
    const life = info.expiresAt.getTime() - issued;
    if (!(life > 0)) throw new OpenStackError({ ...name, code: 'OS_BAD_RESPONSE', kind: 'retryable', message: `identity: POST /v3/auth/tokens: the token is issued already expired (${info.expiresAt.toISOString()})` });
    const token: Token = { ...info, id };
    return { token, renewAt: asked + life - Math.min(RENEW_BEFORE_MS, life / 10), deadAt: asked + life };
  }

  async function issue(): Promise<Token> {
    held = await ask({});
    return held.token;
  }

  async function token(options: CallOptions = {}): Promise<Token> {
    const now = clock.now();
    const current = held;
    if (current && now < current.renewAt) return current.token;
    if (current && now < current.deadAt && now < renewNotBefore) return current.token;
    try {
      return await shareIssue(issue, options.signal);
    } catch (error) {
      // A Keystone that is away for a moment need not stop work that a valid token can still do.
      if (current && held === current && clock.now() < current.deadAt && isOpenStackError(error) && error.kind === 'retryable') {
        renewNotBefore = clock.now() + RENEW_PAUSE_MS;
        return current.token;
      }
      throw error;
    }
  }

  async function endpoint(service: ServiceType, options: CallOptions = {}): Promise<string> {
    return endpointOf(service, await token(options), config);
  }

  async function askVersions(service: ServiceType, url: string): Promise<VersionRange | undefined> {
    const authorized = await token();
    const ask = (id: string) => http.send({ service, method: 'GET', url, headers: { accept: 'application/json', 'x-auth-token': id }, safe: true, options: {} }, [401]);
    let response = await ask(authorized.id);
    if (response.status === 401) {
      forget(authorized);
      response = await ask((await token()).id);
    }
    if (response.status === 401) throw new OpenStackError({ code: 'OS_UNAUTHORIZED', kind: 'terminal', service, method: 'GET', path: new URL(url).pathname, status: 401, requestId: response.requestId, message: `${service}: GET ${url}: a new token of this cloud is not accepted (HTTP 401). Does the service use the same Keystone?` });
    const range = rangeOf(parseBody(versionsBody, response.text, { service, method: 'GET', path: new URL(url).pathname, requestId: response.requestId }));
    ranges.set(service, { url, until: clock.now() + VERSIONS_TTL_MS, range });
    return range;
  }

  async function versions(service: ServiceType, options: CallOptions = {}): Promise<VersionRange | undefined> {
    const url = discoveryUrl(service, await endpoint(service, options));
    if (url === undefined) return undefined;
    const known = ranges.get(service);
    if (known && known.url === url && clock.now() < known.until) return known.range;
    let share = shareVersions.get(service);
    if (!share) shareVersions.set(service, (share = singleFlight()));
    return share(() => askVersions(service, url), options.signal);
  }

  function forget(token: Token): void {
    if (held?.token.id === token.id) held = undefined;
  }

  return {
    token,
    issue: async (options = {}) => (await ask(options)).token,
    endpoint,
    versions,
    forget,
    forgetVersions: (service) => void ranges.delete(service),
    async warm(services, options = {}) {
      await token(options);
      await Promise.all(services.map(async (service) => {
        if (discoveryUrl(service, await endpoint(service, options)) !== undefined) {
          await versions(service, options);
          return;
        }
        // No versions to ask for: a plain request opens the connection, whatever it answers.
        const url = await endpoint(service, options);
        const { id } = await token(options);
        await http.send({ service, method: 'GET', url: `${url}/`, headers: { accept: 'application/json', 'x-auth-token': id }, safe: true, options: { ...options, retries: 0 } }, [300, 400, 401, 403, 404, 405, 503]);
      }));
    },
  };
}

function dateHeader(value: string | undefined): number | undefined {
  const parsed = z.coerce.date().safeParse(value);
  return value !== undefined && parsed.success ? parsed.data.getTime() : undefined;
}
