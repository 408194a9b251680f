import { request } from 'node:http';
import type { Lab } from '../index.ts';
import { keystonePort, readyPort, starNodes, type StarNode } from '../star/plan.ts';

/** A Keystone node of a lab's star, or with HAProxy's port a whole site, as the network `ops` reaches it. */
export interface KeystoneAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export const nodeAddress = (n: StarNode): KeystoneAddress => ({ name: n.name, host: n.site.ip, port: keystonePort(n.number) });
export const readyAddress = (n: StarNode): KeystoneAddress => ({ name: n.name, host: n.site.ip, port: readyPort(n.number) });

/** Nodes that have joined; with `joining` those that have not, too. */
export const nodesOf = (lab: Lab, { joining = false } = {}): StarNode[] => starNodes(lab.topology).filter((n) => joining || !n.joining);

/** HAProxy at a site's address. */
export function siteAddress(lab: Lab, site: string): KeystoneAddress {
  const found = lab.sites.find((s) => s.name === site);
  if (!found) throw new Error(`there is no site ${site}`);
  return { name: site, host: found.ip, port: 5000 };
}

/** One request, with a connection of its own: uWSGI closes after every answer. A refused or broken connection rejects. */
export function ask(to: KeystoneAddress, method: string, path: string, { token, subject, body, timeoutMs = 20_000 }: { token?: string; subject?: string; body?: unknown; timeoutMs?: number } = {}): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const r = request(
      {
        host: to.host, port: to.port, method, path, agent: false, signal: AbortSignal.timeout(timeoutMs),
        headers: {
          ...(token === undefined ? {} : { 'x-auth-token': token }),
          ...(subject === undefined ? {} : { 'x-subject-token': subject }),
          ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (c: Buffer) => chunks.push(c));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    r.on('error', reject);
    r.end(text);
  });
}

export interface Login {
  readonly user: string;
  readonly password: string;
  readonly project: string;
}

/** Who an entry of the lab's clouds.yaml is. */
export function loginOf(lab: Lab, cloud: string): Login {
  const { auth } = lab.cloud(cloud);
  return { user: auth.username, password: auth.password, project: auth.project_name };
}

/** Answers the whole response: some scenarios want the refusal. */
export const tryLogin = (to: KeystoneAddress, login: Login, timeoutMs?: number): Promise<Answer> =>
  ask(to, 'POST', '/v3/auth/tokens?nocatalog', {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    body: {
      auth: {
        identity: { methods: ['password'], password: { user: { name: login.user, domain: { id: 'default' }, password: login.password } } },
        scope: { project: { name: login.project, domain: { id: 'default' } } },
      },
    },
  });

/** A token. */
export async function login(to: KeystoneAddress, who: Login): Promise<string> {
  const answer = await tryLogin(to, who);
  const token = answer.headers['x-subject-token'];
  if (answer.status !== 201 || typeof token !== 'string') throw new Error(`${to.name}: login of ${who.user}: ${answer.status} ${answer.body.slice(0, 300)}`);
  return token;
}

/** 200: valid. The token vouches for itself, as a service's own would. */
export const validate = async (to: KeystoneAddress, token: string, by = token): Promise<number> => (await ask(to, 'GET', '/v3/auth/tokens?nocatalog', { token: by, subject: token })).status;
