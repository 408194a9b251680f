import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TokenContext } from '../between.ts';
import type { Site } from '../core/site.ts';
import type { Taps } from '../core/taps.ts';
import { ApiError } from '../errors.ts';
import type { Faults } from '../faults/faults.ts';
import { readJson } from './body.ts';
import { unauthorizedBody } from './formats.ts';
import { allowed } from './policy.ts';
import type { Answer, Call, Json, Method } from './service.ts';
import type { Match, RouteTable } from './table.ts';
import { askedVersion, versionHeaders } from './version.ts';

export interface FrontDeps {
  readonly site: (name: string) => Site | undefined;
  readonly tables: ReadonlyMap<string, RouteTable>;
  readonly faults: Faults;
  readonly taps: Taps;
  readonly newRequestId: () => string;
  /** Whatever is not a site's: `/_emulator/…`. */
  readonly control: (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;
  /** A handler threw what is no answer: a mistake of the emulator. */
  readonly onMistake: (error: unknown, request: string) => void;
  /** Every request that was answered. */
  readonly onAnswer?: (request: AnsweredRequest) => void;
}

export interface AnsweredRequest {
  readonly site: string;
  readonly service: string;
  readonly method: string;
  /** Below the service, with its query. */
  readonly path: string;
  /** Whether it asked for a change. */
  readonly mutates: boolean;
  readonly status: number;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const nobody: TokenContext = { userId: '', userName: '', projectId: undefined, projectName: undefined, domainId: undefined, system: false, roles: [], admin: false, reader: false, member: false };

/** Takes a request to the service of the site that its path begins with: `/SITE/SERVICE/…`. */
export function createFront(deps: FrontDeps): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    handle(deps, request, response).catch((error: unknown) => {
      deps.onMistake(error, `${request.method ?? ''} ${request.url ?? ''}`);
      response.destroy();
    });
  };
}

async function handle(deps: FrontDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? '/';
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const [, siteName = '', serviceName = ''] = path.split('/', 3);
  if (siteName === '_emulator') return deps.control(request, response, path);
  const site = deps.site(siteName);
  const table = deps.tables.get(serviceName);
  if (!site || !table) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end(site ? `site ${siteName} has no service ${serviceName}\n` : `there is no site ${siteName}\n`);
    return;
  }
  if (!(await passes(deps, site, request))) return;

  const rest = path.slice(siteName.length + serviceName.length + 2) || '/';
  let lose: 'lost-answer' | 'hung-answer' | undefined;
  const requestId = deps.newRequestId();
  const given = request.headers['x-openstack-request-id'];
  const globalId = typeof given === 'string' ? given : undefined;
  for (const { fault, until } of deps.faults.onRequest(siteName, serviceName, request.method ?? '', rest, globalId)) {
    if (fault.kind === 'reset') return void request.socket.destroy();
    if (fault.kind === 'hang') return void until(() => request.socket.destroy());
    if (fault.kind === 'latency') await new Promise<void>((done) => setTimeout(done, fault.ms));
    if (fault.kind === 'lost-answer') lose = 'lost-answer';
    if (fault.kind === 'hung-answer') {
      lose = 'hung-answer';
      until(() => request.socket.destroy());
    }
    if (fault.kind === 'error') {
      const error = new ApiError(fault.status, fault.message ?? 'The server is currently unavailable. Please try again at a later time.');
      return send(response, failure(table, error, { requestId, headers: request.headers }), requestId);
    }
  }
  // It may have died while the request was held up.
  if (!(await passes(deps, site, request))) return;

  const mutates = request.method !== 'GET' && request.method !== 'HEAD' && !(serviceName === 'identity' && rest === '/v3/auth/tokens');
  const event = { site: siteName, service: serviceName, method: request.method ?? '', path: url.slice(siteName.length + serviceName.length + 2), mutates, client: request.headers['user-agent'] ?? '', ...(globalId !== undefined && { globalRequestId: globalId }) };
  if (deps.taps.any) {
    await deps.taps.emit({ ...event, phase: 'arrived' });
    // The listener may have taken the site down.
    if (!(await passes(deps, site, request))) return;
  }
  const answer = await answerOf(deps, { site, table, rest, search: question < 0 ? '' : url.slice(question + 1), request, requestId });
  if (deps.taps.any) await deps.taps.emit({ ...event, phase: 'done' });
  // Or while it was worked on: what it did is done, but nobody hears of it.
  if (!(await passes(deps, site, request))) return;
  if (lose === 'lost-answer') return void request.socket.destroy();
  if (lose === 'hung-answer') return;
  deps.onAnswer?.({ ...event, status: answer.status, requestId, at: site.clock.now() });
  await send(response, answer, requestId, request.method === 'HEAD');
}

/** Whether the site can be heard now. A cut link is waited out, as TCP does; the connections of a dead site break, or hang until it is back and then break. */
async function passes({ faults }: FrontDeps, site: Site, { socket }: IncomingMessage): Promise<boolean> {
  for (let obstacle = faults.obstacle(site.name); obstacle; obstacle = faults.obstacle(site.name)) {
    const { how, until } = obstacle;
    if (how === 'cut') {
      await new Promise<void>((done) => {
        until(done);
        socket.once('close', done);
      });
      if (socket.destroyed) return false;
      continue;
    }
    if (how === 'hang') until(() => socket.destroy());
    else socket.destroy();
    return false;
  }
  if (!site.alive) socket.destroy();
  return site.alive;
}

interface Ask {
  readonly site: Site;
  readonly table: RouteTable;
  readonly rest: string;
  readonly search: string;
  readonly request: IncomingMessage;
  readonly requestId: string;
}

async function answerOf(deps: FrontDeps, ask: Ask): Promise<Answer> {
  const { table, request, site, requestId } = ask;
  const { service } = table;
  let micro: number | undefined;
  try {
    const method = (request.method ?? 'GET') as Method;
    const root = table.root(method, ask.rest);
    if (root) return await root.route.handler(await callOf(ask, root, ask.rest, nobody, 0));
    if (!ask.rest.startsWith(`${service.prefix}/`)) throw unknownPath(table);
    const tokenId = request.headers['x-auth-token'];
    const token = typeof tokenId === 'string' ? site.part('identity').authenticate(tokenId) : undefined;
    const { path, project } = below(table, ask.rest.slice(service.prefix.length));
    micro = askedVersion(table, request.headers);
    const match = table.find(method, path, micro);
    // The middleware looks at the token before anything looks at the path.
    if (!token && match?.route.auth !== false) {
      drain(request);
      return { status: 401, bytes: Buffer.from(service.errors.unauthorized ?? unauthorizedBody), headers: { 'content-type': 'application/json', 'www-authenticate': `Keystone uri="${site.address}/identity"` } };
    }
    if (!match) throw unknownPath(table);
    if (project !== undefined && token && project !== token.projectId && !token.admin) throw new ApiError(400, `Malformed request url`);
    const call = await callOf(ask, match, path, token ?? nobody, micro);
    if (match.route.auth !== false && !allowed(match.route, call)) throw service.errors.refusal(match.route.rule ?? `${service.name}:${method.toLowerCase()}`);
    const answer = await match.route.handler(call);
    return table.micro ? { ...answer, headers: { ...versionHeaders(table, micro), ...answer.headers } } : answer;
  } catch (thrown) {
    drain(request);
    const error = thrown instanceof ApiError ? thrown : new ApiError(500, 'The server has either erred or is incapable of performing the requested operation.');
    if (error !== thrown) deps.onMistake(thrown, `${request.method ?? ''} ${request.url ?? ''}`);
    const answer = failure(table, error, { requestId, headers: request.headers });
    return micro === undefined ? answer : { ...answer, headers: { ...versionHeaders(table, micro), ...answer.headers } };
  }
}

async function callOf({ site, table, request, requestId, search }: Ask, { route, params }: Match, path: string, token: TokenContext, micro: number): Promise<Call> {
  const { service } = table;
  let body: Json = {};
  if (route.body !== 'raw' && request.method !== 'GET' && request.method !== 'HEAD') body = await readJson(request, route.body === 'array');
  return {
    site, token, micro, requestId, params, path, body,
    state: site.state(service),
    method: request.method as Method,
    query: new URLSearchParams(search),
    headers: request.headers,
    raw: request,
    root: `${site.address}/${service.name}`,
  };
}

/** Path without the project id that may stand behind the prefix. */
function below({ service }: RouteTable, path: string): { path: string; project: string | undefined } {
  if (!service.projectInPath) return { path, project: undefined };
  const found = /^\/([0-9a-f]{32})(?=\/|$)/.exec(path);
  return found ? { path: path.slice(33) || '/', project: found[1] } : { path, project: undefined };
}

const unknownPath = ({ service }: RouteTable): ApiError => service.errors.unknownPath?.() ?? new ApiError(404, 'The resource could not be found.');

function failure({ service }: RouteTable, error: ApiError, call: Parameters<RouteTable['service']['errors']['render']>[1]): Answer {
  const { contentType, text } = service.errors.render(error, call);
  return { status: error.status, bytes: Buffer.from(text), headers: { 'content-type': contentType, ...error.headers } };
}

/** What was not read would stand before the next request of the connection. */
function drain(request: IncomingMessage): void {
  if (!request.readableEnded) request.resume();
}

async function send(response: ServerResponse, { status, body, bytes, headers }: Answer, requestId: string, headOnly = false): Promise<void> {
  const id = { 'x-openstack-request-id': requestId };
  if (bytes instanceof Readable) {
    response.writeHead(status, { ...id, ...headers });
    await pipeline(bytes, response).catch(() => response.destroy());
    return;
  }
  const content = bytes ?? (body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
  if (content === undefined) {
    response.writeHead(status, status === 204 ? { ...id, ...headers } : { ...id, 'content-length': '0', ...headers }).end();
    return;
  }
  response.writeHead(status, { ...id, 'content-type': 'application/json', 'content-length': String(content.byteLength), ...headers });
  response.end(headOnly ? undefined : content);
}
