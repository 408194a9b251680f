import type { Readable } from 'node:stream';
import type { OpenStackError } from '../errors.ts';
import type { BodySource, CallOptions, Clock, RequestEvent, ServiceType } from '../types.ts';
import { bodyOf, flatten, handOver, readText } from './bodies.ts';
import type { Dispatchers } from './dispatcher.ts';
import { connectionFailure, errorOfResponse, redirected, requestIdOf, timeoutError, type Redact, type RequestName } from './failures.ts';
import { backoff, retryAfter, type Sleep } from './retry.ts';

export interface HttpRequest {
  readonly service: ServiceType;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | BodySource;
  /** Whether it may be sent again after the service may have seen it. */
  readonly safe: boolean;
  /** Hand over the body of a success as a stream instead of reading it. */
  readonly stream?: boolean;
  readonly options: CallOptions;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty when streamed. */
  readonly text: string;
  /** Only when asked for, and only of a success. */
  readonly stream?: Readable;
  /** How many attempts it took, from 1. */
  readonly attempts: number;
  readonly requestId?: string;
}

export interface HttpDeps {
  readonly cloud: string;
  readonly dispatchers: () => Promise<Dispatchers>;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: () => number;
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly redact: Redact;
  /** Awaited before anything that changes something is sent; rejects when it must not be. */
  readonly beforeChange?: (signal?: AbortSignal) => Promise<void>;
  /** Sent along as the request's global id. */
  readonly globalRequestId?: () => string | undefined;
  readonly log?: (event: RequestEvent) => void;
}

/**
 * Sends requests, repeating what is safe to repeat. Resolves with any answer below 400 and with the statuses named in `accept`;
 * rejects with an OpenStackError for others, or with the signal's reason.
 */
export interface HttpClient {
  send(request: HttpRequest, accept?: readonly number[]): Promise<HttpResponse>;
  /** The error of an answer that was let through by `accept`. */
  refusal(request: HttpRequest, response: HttpResponse): OpenStackError;
}

const DEFAULT_RETRIES = 2;
const REPEATED_STATUSES = new Set([429, 502, 503, 504]);
/** Not followed: they come from a proxy that wants another address (https, say), and a token must not go where a reply points. */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function createHttpClient(deps: HttpDeps): HttpClient {
  async function send(request: HttpRequest, accept: readonly number[] = []): Promise<HttpResponse> {
    const { options } = request;
    const name = nameOf(request);
    const streamed = isStreamed(request);
    const most = 1 + Math.max(0, options.retries ?? DEFAULT_RETRIES);
    for (let attempt = 1; ; attempt += 1) {
      options.signal?.throwIfAborted();
      const started = deps.clock.now();
      const tell = (fields: { status?: number; requestId?: string; error?: string }): void =>
        deps.log?.({ cloud: deps.cloud, service: request.service, method: request.method, path: name.path, attempt, durationMs: deps.clock.now() - started, ...fields });

      if (changes(request)) await deps.beforeChange?.(options.signal);
      const outcome = await once(deps, request, name);
      if ('error' in outcome) {
        tell({ error: outcome.error.code });
        const repeatable = outcome.error.code === 'OS_UNREACHABLE' && (!outcome.sent || (request.safe && !streamed));
        if (!repeatable || attempt >= most) throw outcome.error;
        // A kept-alive connection that the server closed meanwhile is the commonest break, and a new one cures it: no reason to wait.
        if (!(outcome.sent && attempt === 1)) await deps.sleep(backoff(attempt, deps.random), options.signal);
        continue;
      }
      const { status, headers } = outcome;
      const requestId = requestIdOf(headers);
      tell({ status, ...(requestId ? { requestId } : {}) });
      if (REDIRECTS.has(status)) throw redirected(name, status, headers['location'], requestId);
      if (status < 400 || accept.includes(status)) return { ...outcome, attempts: attempt, ...(requestId ? { requestId } : {}) };
      const wait = retryAfter(headers['retry-after'], deps.clock.now());
      if (!REPEATED_STATUSES.has(status) || !request.safe || streamed || attempt >= most || wait === 'too-long') {
        throw errorOfResponse(name, outcome, deps.redact);
      }
      await deps.sleep(Math.max(wait ?? 0, backoff(attempt, deps.random)), options.signal);
    }
  }
  return { send, refusal: (request, response) => errorOfResponse(nameOf(request), response, deps.redact) };
}

/** A token more or less changes nothing. */
const changes = (request: HttpRequest): boolean => request.method !== 'GET' && request.method !== 'HEAD' && !request.url.endsWith('/auth/tokens');

function nameOf(request: HttpRequest): RequestName {
  const { origin } = new URL(request.url);
  const path = request.url.replace(/^[^/]*\/\/[^/?]*/, '');
  return { service: request.service, method: request.method, path: path.startsWith('/') ? path : `/${path}`, origin };
}

function isStreamed(request: HttpRequest): boolean {
  return request.body !== undefined && typeof request.body !== 'string' && !(request.body instanceof Uint8Array);
}

type Outcome = { status: number; headers: Record<string, string>; text: string; stream?: Readable } | { error: OpenStackError; sent: boolean };

/** One attempt. Rejects only with the caller's abort reason, or when the certificates cannot be read. */
async function once(deps: HttpDeps, request: HttpRequest, name: RequestName): Promise<Outcome> {
  const { signal } = request.options;
  const timeoutMs = request.options.timeoutMs ?? deps.timeoutMs;
  const globalId = deps.globalRequestId?.();
  const dispatchers = await deps.dispatchers();
  const abort = new AbortController();
  let timedOut = false;
  const onTimeout = (): void => {
    timedOut = true;
    abort.abort(new Error('timeout'));
  };
  let timer = setTimeout(onTimeout, timeoutMs);
  const restart = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onTimeout, timeoutMs);
  };
  const onAbort = (): void => abort.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const release = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  const failure = (error: unknown): { error: OpenStackError; sent: boolean } => {
    if (signal?.aborted) throw signal.reason;
    if (timedOut) return { sent: true, error: timeoutError(name, timeoutMs) };
    return connectionFailure(name, error, deps.redact);
  };

  let handedOver = false;
  try {
    const dispatcher = request.safe && !isStreamed(request) ? dispatchers.pooled : dispatchers.fresh;
    const response = await dispatcher.request({
      origin: name.origin,
      // As it is: a URL object would resolve `..`, which may be part of a name.
      path: name.path,
      method: request.method,
      headers: { 'user-agent': deps.userAgent, ...(globalId === undefined ? {} : { 'x-openstack-request-id': globalId }), ...request.headers },
      body: bodyOf(request.body, restart),
      signal: abort.signal,
      // Our own timer covers the wait for the answer; undici's would also count the time that an upload takes.
      headersTimeout: 0,
      bodyTimeout: request.stream ? timeoutMs : 0,
    });
    const headers = flatten(response.headers);
    if (request.stream && response.statusCode < 300 && response.statusCode !== 204) {
      clearTimeout(timer);
      handedOver = true;
      return { status: response.statusCode, headers, text: '', stream: handOver(response.body, failure, release) };
    }
    return { status: response.statusCode, headers, text: await readText(response.body) };
  } catch (error) {
    return failure(error);
  } finally {
    if (!handedOver) release();
  }
}
