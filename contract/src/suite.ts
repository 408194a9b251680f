import { isOpenStackError, type Cloud, type OpenStackErrorCode, type ServiceType } from '@godwit/openstack';
import { toGodwitError } from '@godwit/sites';
import { expect } from 'vitest';
import type * as z from 'zod';
import { recording, type Exchange } from './exchange.ts';
import type { As, Target } from './target.ts';
import { transcript } from './transcript.ts';

/** An id that nothing has. */
export const NO_UUID = '11111111-2222-4333-8444-555555555555';
export const NO_HEX = '11111111222243338444555555555555';

export interface Answer {
  readonly status: number;
  /** Strict: fields that are not named here must not be there. Left out: there is no body. */
  readonly body?: z.ZodType;
  /** Headers of the answer, names in lower case. */
  readonly headers?: Readonly<Record<string, RegExp>>;
  /** False where a service answers before it has made a request id. */
  readonly requestId?: boolean;
  /** The body is data, not JSON. */
  readonly bytes?: boolean;
  /** False where the version that was asked for is not the one that is answered. */
  readonly microversion?: boolean;
}

export interface Refusal extends Answer {
  /** What Godwit's client makes of it … */
  readonly code: OpenStackErrorCode;
  /** … and what a user of Godwit is told. */
  readonly godwit: `GW_${string}`;
}

/** The two-fold of a run: where it runs, and what its cases share. */
export class Suite {
  readonly target: Target;
  readonly #clouds = new Map<string, Promise<Cloud>>();

  constructor(target: Target) {
    this.target = target;
  }

  /** A client that is kept for the whole run. */
  cloud(as: As, site = 'site1'): Promise<Cloud> {
    const key = `${site}/${as}`;
    let cloud = this.#clouds.get(key);
    if (!cloud) this.#clouds.set(key, (cloud = this.target.cloud(site, as)));
    return cloud;
  }

  async projectId(as: As, site = 'site1'): Promise<string> {
    return (await (await this.cloud(as, site)).session.token()).projectId ?? '';
  }

  async close(): Promise<void> {
    for (const cloud of this.#clouds.values()) await (await cloud).close();
    await this.target.close();
  }
}

/** Sends and holds the answer to what is expected. Resolves with what the client made of it. */
export async function answers<T>(run: () => Promise<T>, want: Answer): Promise<T> {
  const { outcome, exchanges } = await recording(run);
  const exchange = exchanges.at(-1);
  if (outcome.status === 'rejected' && (!exchange || exchange.status >= 400)) throw outcome.reason as Error;
  if (!exchange) throw new Error('nothing was sent');
  transcript(expect.getState().currentTestName ?? '', exchange);
  check(exchange, want);
  if (outcome.status === 'rejected') throw outcome.reason as Error;
  return outcome.value;
}

/** Sends and expects to be refused: status, body, the client's code, and Godwit's. */
export async function refuses(run: () => Promise<unknown>, want: Refusal): Promise<void> {
  const { outcome, exchanges } = await recording(run);
  const exchange = exchanges.at(-1);
  if (!exchange) throw outcome.status === 'rejected' ? (outcome.reason as Error) : new Error('nothing was sent');
  transcript(expect.getState().currentTestName ?? '', exchange);
  check(exchange, want);
  if (outcome.status === 'fulfilled') throw new Error(`${exchange.method} ${exchange.path} was not refused (HTTP ${exchange.status}): ${exchange.text.slice(0, 500)}`);
  const error: unknown = outcome.reason;
  if (!isOpenStackError(error)) throw error;
  expect({ code: error.code, godwit: toGodwitError(error).code }).toEqual({ code: want.code, godwit: want.godwit });
  // Who must look further finds the request in the service's log by this.
  expect(error.requestId).toMatch(/^req-/);
}

/** One request as it is, without what the client adds or checks. */
export async function raw(cloud: Cloud, service: ServiceType, send: (url: string, token: string) => Promise<unknown>, want: Answer): Promise<void> {
  const [endpoint, token] = [await cloud.session.endpoint(service), await cloud.session.token()];
  const { outcome, exchanges } = await recording(() => send(endpoint, token.id));
  if (outcome.status === 'rejected') throw outcome.reason as Error;
  const exchange = exchanges.at(-1);
  if (!exchange) throw new Error('nothing was sent');
  transcript(expect.getState().currentTestName ?? '', exchange);
  check(exchange, want);
}

function check(exchange: Exchange, want: Answer): void {
  const name = `${exchange.method} ${exchange.path}`;
  expect(exchange.status, `${name}: status; it answered ${exchange.text.slice(0, 400)}`).toBe(want.status);
  if (want.requestId !== false) expect(exchange.headers['x-openstack-request-id'], `${name}: x-openstack-request-id`).toMatch(/^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  for (const [header, pattern] of Object.entries(want.headers ?? {})) expect(exchange.headers[header], `${name}: header ${header}`).toMatch(pattern);
  const asked = exchange.requestHeaders['openstack-api-version'];
  if (asked && want.microversion !== false && want.status < 500 && ![406, 401].includes(want.status)) {
    expect(exchange.headers['openstack-api-version'], `${name}: the microversion that was asked for is said in the answer`).toBe(asked);
    expect(exchange.headers['vary'], `${name}: vary`).toMatch(/OpenStack-API-Version/i);
  }
  if (want.bytes === true) return;
  if (want.body === undefined) {
    expect(exchange.text.trim(), `${name}: has no body`).toBe('');
    return;
  }
  expect(exchange.headers['content-type'] ?? '', `${name}: content-type`).toMatch(/^application\/json|^text\/plain|^text\/html/);
  const parsed = want.body.safeParse(exchange.body ?? exchange.text);
  const issues = parsed.success ? [] : parsed.error.issues.slice(0, 12).map((i) => `${i.path.join('.') || 'body'}: ${i.message}`);
  expect(issues, `${name} (HTTP ${exchange.status}): ${exchange.text.slice(0, 1500)}`).toEqual([]);
}

/**
 * Polls until the state is one of `ends`, and checks that only those of `way` were seen, in their order (a poll may miss some).
 * Resolves with the states seen.
 */
export async function passes(look: () => Promise<string>, way: readonly string[], ends: string, { timeoutMs = 240_000 } = {}): Promise<readonly string[]> {
  const seen: string[] = [];
  const until = performance.now() + timeoutMs;
  for (;;) {
    const now = await look().catch((error: unknown) => {
      if (isOpenStackError(error, 'OS_NOT_FOUND')) return 'gone';
      throw error;
    });
    if (seen.at(-1) !== now) seen.push(now);
    if (now === ends) break;
    if (!way.includes(now)) throw new Error(`state ${now} was not expected; seen: ${seen.join(', ')}; expected: ${[...way, ends].join(', ')}`);
    if (performance.now() > until) throw new Error(`still ${now} after ${timeoutMs / 1000} s; seen: ${seen.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  transcript(expect.getState().currentTestName ?? '', seen);
  const order = seen.map((state) => [...way, ends].indexOf(state));
  expect(order, `order of the states ${seen.join(', ')}`).toEqual([...order].sort((a, b) => a - b));
  return seen;
}
