import type { Readable } from 'node:stream';
import type * as z from 'zod';
import { OpenStackError } from './errors.ts';
import type { HttpClient, HttpRequest, HttpResponse } from './http/http-client.ts';
import { parseBody } from './parse.ts';
import { negotiate, versionHeaders, type VersionWish } from './session/microversion.ts';
import type { Session } from './session/session.ts';
import type { BodySource, CallOptions, Query, ServiceType } from './types.ts';

/** A request to one service, below its endpoint. */
export interface ServiceRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with a slash; ids in it are escaped by {@link seg}. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. Read once, so never repeated. */
  readonly stream?: BodySource;
  readonly headers?: Readonly<Record<string, string>>;
  readonly version?: VersionWish;
  /** Whether it may be sent twice. Default: all but POST and PATCH. */
  readonly safe?: boolean;
}

export interface Service {
  readonly type: ServiceType;
  /** Sends and reads the answer as JSON. */
  json<S extends z.ZodType>(request: ServiceRequest, schema: S, options?: CallOptions): Promise<z.output<S>>;
  /** Sends; the answer's body does not matter. A DELETE that finds nothing at its second attempt has succeeded at its first. */
  send(request: ServiceRequest, options?: CallOptions): Promise<HttpResponse>;
  /** Sends; the answer's body is a stream. */
  stream(request: ServiceRequest, options?: CallOptions): Promise<HttpResponse & { readonly stream: Readable }>;
}

/** A path segment: ids and names of others never become another path. */
export function seg(value: string): string {
  if (value === '') throw new OpenStackError({ code: 'OS_BAD_REQUEST', kind: 'terminal', message: 'an id or name that a request needs is empty' });
  return value === '.' || value === '..' ? value.replaceAll('.', '%2E') : encodeURIComponent(value);
}

export function createService(type: ServiceType, session: Session, http: HttpClient): Service {
  async function dispatch(request: ServiceRequest, options: CallOptions, streamed: boolean): Promise<HttpResponse> {
    const safe = request.safe ?? !['POST', 'PATCH'].includes(request.method);
    let renegotiated = false;
    for (let reissued = false; ; ) {
      const endpoint = await session.endpoint(type, options);
      const version = request.version ? negotiate(type, await session.versions(type, options), request.version) : undefined;
      const token = await session.token(options);
      const sent: HttpRequest = {
        service: type,
        method: request.method,
        url: `${endpoint}${request.path}${queryString(request.query)}`,
        headers: {
          accept: 'application/json',
          'x-auth-token': token.id,
          ...versionHeaders(type, version),
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...request.headers,
        },
        ...(request.stream ? { body: request.stream } : request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        safe,
        stream: streamed,
        options,
      };
      const accept = [401, ...(request.version && !renegotiated ? [406] : []), ...(request.method === 'DELETE' ? [404] : [])];
      const response = await http.send(sent, accept);
      if (response.status === 401) {
        session.forget(token);
        const spent = request.stream !== undefined && !(request.stream instanceof Uint8Array);
        if (reissued || spent) throw unauthorized(request, response, reissued);
        reissued = true;
        continue;
      }
      // The service was changed since its versions were asked for.
      if (response.status === 406) {
        session.forgetVersions(type);
        renegotiated = true;
        continue;
      }
      if (response.status === 404 && response.attempts === 1) throw http.refusal(sent, response);
      return response;
    }
  }

  function unauthorized(request: ServiceRequest, response: HttpResponse, reissued: boolean): OpenStackError {
    return new OpenStackError({
      code: 'OS_UNAUTHORIZED', kind: 'terminal', status: 401, service: type, method: request.method, path: request.path, requestId: response.requestId,
      message: reissued
        ? `${type}: ${request.method} ${request.path}: a new token of this cloud is not accepted (HTTP 401${idOf(response)}). Does the service use the same Keystone?`
        : `${type}: ${request.method} ${request.path}: the token is not accepted (HTTP 401${idOf(response)}), and the body has been read: send it again`,
    });
  }

  async function send(request: ServiceRequest, options: CallOptions = {}): Promise<HttpResponse> {
    return dispatch(request, options, false);
  }

  return {
    type,
    send,
    async json(request, schema, options = {}) {
      const response = await dispatch(request, options, false);
      return parseBody(schema, response.text, { service: type, method: request.method, path: request.path, requestId: response.requestId });
    },
    async stream(request, options = {}) {
      const response = await dispatch(request, options, true);
      if (!response.stream) {
        throw new OpenStackError({ code: 'OS_BAD_RESPONSE', kind: 'terminal', status: response.status, service: type, method: request.method, path: request.path, requestId: response.requestId, message: `${type}: ${request.method} ${request.path}: the answer has no body (HTTP ${response.status})` });
      }
      return { ...response, stream: response.stream };
    },
  };
}

const idOf = (response: HttpResponse): string => (response.requestId ? `, ${response.requestId}` : '');

export function queryString(query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [value as string]) params.append(key, String(one));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
