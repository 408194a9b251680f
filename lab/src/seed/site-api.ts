import { LabError } from '../errors.ts';
import type { HttpAsk, Relay } from '../relay/client.ts';
import type { Secrets } from '../secrets.ts';
import type { SiteSpec } from '../topology/load.ts';

export const ports = { identity: 5000, image: 9292, placement: 8778, compute: 8774, network: 9696, volume: 8776, 'object-store': 8080 } as const;
export type ServiceName = keyof typeof ports;

/** A JSON object of an API's answer. */
export type Json = Record<string, unknown>;

/** The administrator's REST calls to one site; the lab needs few, and needs them before any catalogue exists. */
export interface SiteApi {
  url(service: ServiceName): string;
  /** Any status of 400 or more is an error with the service's own words. */
  call(service: ServiceName, method: string, path: string, body?: Json, extra?: Pick<HttpAsk, 'headers' | 'bodyFile' | 'timeoutMs'>): Promise<Json>;
  /** Id of the project that the administrator's token is for. */
  adminProject(): Promise<string>;
}

interface Token {
  readonly id: string;
  readonly projectId: string;
  readonly until: number;
}

export function siteApi(site: SiteSpec, relay: Relay, secrets: Secrets): SiteApi {
  let token: Promise<Token> | undefined;
  const url = (service: ServiceName): string => `http://${site.ip}:${String(ports[service])}`;

  async function login(): Promise<Token> {
    const domain = { id: 'default' };
    const answer = await relay.http(`${url('identity')}/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: { methods: ['password'], password: { user: { name: 'admin', domain, password: secrets.get(`${site.realm}/user/admin`) } } },
          scope: { project: { name: 'admin', domain } },
        },
      }),
    });
    const id = answer.headers['x-subject-token'];
    if (answer.status !== 201 || id === undefined)
      throw new LabError('LAB_API', `${site.name}: Keystone answered ${String(answer.status)} to the administrator's login`, { kind: 'retryable', site: site.name });
    const parsed = JSON.parse(answer.body) as { token: { project: { id: string } } };
    return { id, projectId: parsed.token.project.id, until: Date.now() + 30 * 60_000 };
  }

  /** Callers at the same time share one login. */
  async function current(): Promise<Token> {
    const asked = token;
    const known = await asked?.catch(() => undefined);
    if (known && known.until > Date.now()) return known;
    if (token === asked) token = login();
    return token ?? login();
  }

  return {
    url,
    async adminProject() {
      return (await current()).projectId;
    },
    async call(service, method, path, body, extra = {}) {
      const { id } = await current();
      const answer = await relay.http(`${url(service)}${path}`, {
        method,
        timeoutMs: extra.timeoutMs ?? 60_000,
        headers: { 'x-auth-token': id, ...(body ? { 'content-type': 'application/json' } : {}), ...extra.headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(extra.bodyFile === undefined ? {} : { bodyFile: extra.bodyFile }),
      });
      // A token from before a restart of Keystone, or of the state it was made from, is not known any more.
      if (answer.status === 401) token = undefined;
      if (answer.status >= 400)
        throw new LabError('LAB_API', `${site.name}: ${method} ${service}${path}: ${String(answer.status)} ${answer.body.slice(0, 400)}`, { kind: 'retryable', site: site.name });
      return answer.body === '' ? {} : (JSON.parse(answer.body) as Json);
    },
  };
}
