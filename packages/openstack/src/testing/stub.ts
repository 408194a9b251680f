import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCloud, type Cloud, type CloudDeps } from '../cloud.ts';
import type { AuthConfig, CloudConfig } from '../types.ts';

export interface Seen {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request, or leaves it to the stub (undefined); `drop` breaks the connection without an answer. */
export type Handler = (request: Seen, count: number) => Reply | 'drop' | undefined | Promise<Reply | 'drop' | undefined>;

export interface StubOptions {
  readonly tls?: ServerOptions;
  /** Seconds a token lives, as the stub tells it. */
  readonly tokenLife?: number;
  /** By how much the stub's clock is ahead of ours, in seconds. */
  readonly skew?: number;
  readonly now?: () => number;
  readonly versions?: Readonly<Record<string, { min: string; max: string }>>;
}

/** A cloud of one HTTP server on loopback: Keystone and version documents of its own, everything else by handlers. */
export interface Stub {
  readonly url: string;
  readonly requests: Seen[];
  readonly server: Server;
  /** Handles what begins with `METHOD path`. Later ones are asked first. */
  on(prefix: string, handler: Handler): void;
  /** Takes a request unread, before anything else. */
  raw(prefix: string, listener: RequestListener): void;
  count(prefix: string): number;
  tokensIssued(): number;
  config(overrides?: Partial<CloudConfig> & { readonly authOverrides?: Partial<AuthConfig> }): CloudConfig;
  cloud(deps?: CloudDeps, overrides?: Partial<CloudConfig>): Cloud;
  close(): Promise<void>;
}

export const PASSWORD = 's3cret-Passw0rd';

export async function startStub(options: StubOptions = {}): Promise<Stub> {
  const requests: Seen[] = [];
  const handlers: { prefix: string; handler: Handler; count: number }[] = [];
  const raws: { prefix: string; listener: RequestListener }[] = [];
  const clouds: Cloud[] = [];
  let issued = 0;
  let url = '';

  const builtIn = (seen: Seen): Reply => {
    if (seen.method === 'POST' && seen.path === '/identity/v3/auth/tokens') return authenticate(seen);
    const versions = { compute: { min: '2.1', max: '2.96' }, volume: { min: '3.0', max: '3.71' }, placement: { min: '1.0', max: '1.39' }, ...options.versions };
    const entry = ({ min, max }: { min: string; max: string }, id: string) => ({ id, status: 'CURRENT', min_version: min, version: max });
    if (seen.path === '/compute/v2.1/') return { json: { version: entry(versions.compute, 'v2.1') } };
    if (seen.path === '/volume/v3/') return { json: { versions: [entry(versions.volume, 'v3.0')] } };
    if (seen.path === '/placement/') return { json: { versions: [{ id: 'v1.0', min_version: versions.placement.min, max_version: versions.placement.max }] } };
    if (seen.method === 'GET' && seen.path === '/identity/v3') return { json: { version: { id: 'v3.14', status: 'stable' } } };
    return { status: 404, json: { itemNotFound: { code: 404, message: `no stub for ${seen.method} ${seen.path}` } } };
  };

  const authenticate = (seen: Seen): Reply => {
    const { auth } = JSON.parse(seen.body) as { auth: { identity: { password?: { user: { password: string } } } } };
    const given = auth.identity.password?.user.password;
    if (given !== undefined && given !== PASSWORD) {
      return { status: 401, json: { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } }, headers: { 'x-openstack-request-id': 'req-auth' } };
    }
    issued += 1;
    const now = (options.now?.() ?? Date.now()) + (options.skew ?? 0) * 1000;
    const endpoint = (type: string, path: string) => ({ type, name: type, endpoints: [{ url: `${url}${path}`, interface: 'public', region_id: 'site1', region: 'site1' }] });
    return {
      status: 201,
      headers: { 'x-subject-token': `token-${issued}` },
      json: {
        token: {
          issued_at: new Date(now).toISOString(),
          expires_at: new Date(now + (options.tokenLife ?? 3600) * 1000).toISOString(),
          user: { id: 'user1', name: 'demo', domain: { id: 'default', name: 'Default' } },
          project: { id: 'p1', name: 'demo', domain: { id: 'default', name: 'Default' } },
          roles: [{ id: 'r1', name: 'member' }],
          catalog: [
            endpoint('identity', '/identity'), endpoint('compute', '/compute/v2.1'), endpoint('block-storage', '/volume/v3/p1'), endpoint('image', '/image'),
            endpoint('network', '/network'), endpoint('object-store', '/swift/v1/AUTH_p1'), endpoint('placement', '/placement'),
          ],
        },
      },
    };
  };

  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const key = `${req.method ?? ''} ${req.url ?? ''}`;
    const raw = raws.findLast((one) => key.startsWith(one.prefix));
    if (raw) return void raw.listener(req, res);
    const pieces: Buffer[] = [];
    for await (const piece of req) pieces.push(piece as Buffer);
    const seen: Seen = { method: req.method ?? '', path: req.url ?? '', headers: req.headers, body: Buffer.concat(pieces).toString('utf8') };
    requests.push(seen);
    let reply: Reply | 'drop' | undefined;
    for (const entry of handlers.toReversed()) {
      if (!key.startsWith(entry.prefix)) continue;
      entry.count += 1;
      reply = await entry.handler(seen, entry.count);
      if (reply !== undefined) break;
    }
    reply ??= builtIn(seen);
    if (reply === 'drop') return void req.socket.destroy();
    const text = reply.text ?? (reply.json === undefined ? '' : JSON.stringify(reply.json));
    res.writeHead(reply.status ?? 200, { ...(reply.json === undefined ? {} : { 'content-type': 'application/json' }), ...reply.headers });
    res.end(text);
  };

  const listener: RequestListener = (req, res) => {
    serve(req, res).catch(() => res.destroy());
  };
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const config: Stub['config'] = ({ authOverrides, ...overrides } = {}) => ({
    name: 'stub',
    auth: { authUrl: `${url}/identity`, type: 'password', username: 'demo', userDomainId: 'default', password: PASSWORD, projectName: 'demo', projectDomainId: 'default', ...authOverrides },
    regionName: 'site1',
    interface: 'public',
    endpointOverrides: {},
    tls: { verify: true },
    ...overrides,
  });

  return {
    url,
    requests,
    server,
    on: (prefix, handler) => void handlers.push({ prefix, handler, count: 0 }),
    raw: (prefix, rawListener) => void raws.push({ prefix, listener: rawListener }),
    count: (prefix) => requests.filter((seen) => `${seen.method} ${seen.path}`.startsWith(prefix)).length,
    tokensIssued: () => issued,
    config,
    cloud: (deps = {}, overrides = {}) => {
      const cloud = createCloud(config(overrides), { sleep: async () => {}, ...deps });
      clouds.push(cloud);
      return cloud;
    },
    close: async () => {
      await Promise.all(clouds.map((cloud) => cloud.close()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
