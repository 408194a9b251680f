import { CliError, exitOf } from '../errors.ts';
import { exit } from '../exit-codes.ts';
import type { Credentials, Fetch } from '../io.ts';
import { problemFacts } from './problem.ts';

export interface ApiOptions {
  /** Where godwit-server listens, as in GODWIT_URL. */
  readonly url: string;
  readonly fetch: Fetch;
  /** Asked once, before the first request that needs it. */
  readonly credentials: () => Promise<Credentials>;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

interface OpenOptions {
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** The server's API. Everything that fails is a CliError. */
export class Api {
  readonly #options: ApiOptions;
  readonly #base: string;
  #credentials: Promise<Credentials> | undefined;
  /** Whether the server has taken the present token. */
  #accepted = false;

  constructor(options: ApiOptions) {
    this.#options = options;
    if (!URL.canParse(options.url)) {
      throw new CliError({ code: 'GW_USAGE', message: `not a URL: ${options.url}`, action: 'Set --godwit-url or GODWIT_URL to http://HOST:PORT.' }, exit.usage);
    }
    this.#base = options.url.replace(/\/+$/, '');
  }

  async get<T>(path: string, query: Record<string, string | undefined> = {}): Promise<T> {
    return (await this.send<T>('GET', withQuery(path, query))).body;
  }

  async post<T>(path: string, body: object = {}): Promise<Answer<T>> {
    return await this.send<T>('POST', path, body);
  }

  async send<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
    const response = await this.open(method, path, body === undefined ? {} : { body });
    const text = await response.text().catch((cause: unknown) => {
      throw this.#unreachable(cause);
    });
    return { status: response.status, body: (text === '' ? undefined : this.#parse(text)) as T };
  }

  /** A request whose answer's body is left to the caller; one that failed is thrown. */
  async open(method: string, path: string, options: OpenOptions = {}): Promise<Response> {
    try {
      const response = await this.#ask(method, path, options);
      this.#accepted = true;
      return response;
    } catch (error) {
      // A token that was good before has expired, while a long job was watched say: a new one is got, once.
      if (!this.#accepted || !(error instanceof CliError) || error.facts.code !== 'GW_TOKEN_INVALID') throw error;
      this.#accepted = false;
      this.#credentials = undefined;
      return await this.open(method, path, options);
    }
  }

  async #ask(method: string, path: string, options: OpenOptions): Promise<Response> {
    const { token, authUrl } = await (this.#credentials ??= this.#options.credentials());
    const headers: Record<string, string> = { accept: 'application/json', 'x-auth-token': token, ...options.headers };
    if (authUrl !== undefined) headers['x-auth-url'] = authUrl;
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    try {
      response = await this.#options.fetch(`${this.#base}${path}`, {
        method,
        headers,
        ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
        ...(options.signal && { signal: options.signal }),
      });
    } catch (cause) {
      if (options.signal?.aborted === true) throw cause;
      throw this.#unreachable(cause);
    }
    if (response.ok) return response;
    const facts = problemFacts(response, await response.text().catch(() => ''), this.#base);
    throw new CliError(facts, exitOf(facts.code, response.status, facts.details));
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new CliError({ code: 'GW_SERVER_UNREACHABLE', message: `${this.#base} does not answer as godwit-server does`, action: 'Set --godwit-url or GODWIT_URL to where godwit-server listens.' }, exit.unreachable);
    }
  }

  #unreachable(cause: unknown): CliError {
    const reason = deepest(cause);
    return new CliError(
      { code: 'GW_SERVER_UNREACHABLE', message: `godwit-server at ${this.#base} does not answer: ${reason}`, action: 'See whether it runs; set --godwit-url or GODWIT_URL to where it listens, GODWIT_CACERT to the CA of its certificate.' },
      exit.unreachable,
    );
  }
}

/** fetch wraps the reason in "fetch failed". */
function deepest(cause: unknown): string {
  let error = cause;
  while (error instanceof Error && error.cause !== undefined) error = error.cause;
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as { code?: string }).code || error.name;
}

function withQuery(path: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((e): e is [string, string] => e[1] !== undefined);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}
