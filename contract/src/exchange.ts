import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent, type Dispatcher } from 'undici';

/** One request as it went over the wire, and its answer. Secrets are taken out where they are written down. */
export interface Exchange {
  readonly method: string;
  /** Path and query, with the service's prefix. */
  readonly path: string;
  readonly origin: string;
  /** Names in lower case. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** Parsed when it is JSON; its length in words when it is a stream. */
  readonly requestBody: unknown;
  status: number;
  headers: Record<string, string>;
  /** The answer's text, as far as it was kept. */
  text: string;
  /** The answer parsed, when it is JSON. */
  body: unknown;
}

/** An answer longer than this is a download: only its beginning is kept. */
const KEPT_BYTES = 512 * 1024;

const current = new AsyncLocalStorage<Exchange[]>();

/** Everything that `run` sends, in order. */
export async function recording<T>(run: () => Promise<T>): Promise<{ readonly outcome: PromiseSettledResult<T>; readonly exchanges: readonly Exchange[] }> {
  const exchanges: Exchange[] = [];
  const [outcome] = await current.run(exchanges, () => Promise.allSettled([run()]));
  return { outcome, exchanges };
}

/** A dispatcher that opens a connection for each request (real services end theirs after each answer) and notes what passes. */
export function recordingDispatcher(onExchange: (exchange: Exchange) => void = () => undefined): Dispatcher {
  const agent = new Agent({ pipelining: 0, connections: 16, connect: { timeout: 5_000 } });
  return agent.compose((dispatch) => (options, handler) => {
    const exchange: Exchange = {
      method: options.method, path: options.path, origin: String(options.origin ?? ''),
      requestHeaders: headerRecord(options.headers), requestBody: bodyOf(options.body),
      status: 0, headers: {}, text: '', body: undefined,
    };
    const exchanges = current.getStore();
    const chunks: Buffer[] = [];
    let kept = 0;
    const forward = handler as Dispatcher.DispatchHandler;
    return dispatch(options, {
      onRequestStart: (controller, context) => forward.onRequestStart?.(controller, context),
      onRequestUpgrade: (controller, status, headers, socket) => forward.onRequestUpgrade?.(controller, status, headers, socket),
      onResponseStart: (controller, status, headers, message) => {
        exchange.status = status;
        exchange.headers = headerRecord(headers);
        exchanges?.push(exchange);
        forward.onResponseStart?.(controller, status, headers, message);
      },
      onResponseData: (controller, chunk) => {
        if (kept < KEPT_BYTES) chunks.push(Buffer.from(chunk));
        kept += chunk.length;
        forward.onResponseData?.(controller, chunk);
      },
      onResponseEnd: (controller, trailers) => {
        exchange.text = Buffer.concat(chunks).toString('utf8');
        exchange.body = json(exchange.text);
        onExchange(exchange);
        forward.onResponseEnd?.(controller, trailers);
      },
      onResponseError: (controller, error) => forward.onResponseError?.(controller, error),
    });
  });
}

function headerRecord(headers: unknown): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, value] of Object.entries((headers ?? {}) as Record<string, unknown>)) {
    if (value !== undefined) record[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return record;
}

function bodyOf(body: unknown): unknown {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string') return json(body) ?? body;
  if (body instanceof Uint8Array) return `(${body.length} bytes)`;
  return '(a stream)';
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A request as it is, without a client's help. Resolves with the status. */
export async function sendRaw(dispatcher: Dispatcher, method: string, url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<number> {
  const { origin, pathname, search } = new URL(url);
  const response = await dispatcher.request({ origin, path: `${pathname}${search}`, method: method as Dispatcher.HttpMethod, headers: { accept: 'application/json', ...headers }, body: body ?? null });
  await response.body.dump();
  return response.statusCode;
}
