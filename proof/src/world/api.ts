type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** A caller of the controller's HTTP API. */
export interface Api {
  call<T = unknown>(method: Method, path: string, body?: object): Promise<{ readonly status: number; readonly json: T }>;
  /** As call(), but an answer that is no success is an error. */
  ask<T = unknown>(method: Method, path: string, body?: object): Promise<T>;
}

export function apiOf(url: () => string, token: () => Promise<string>, timeoutMs = 60_000): Api {
  const call: Api['call'] = async <T>(method: string, path: string, body?: object) => {
    const answer = await fetch(`${url()}${path}`, { method, signal: AbortSignal.timeout(timeoutMs), headers: { 'x-auth-token': await token(), ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, json: (text === '' ? undefined : JSON.parse(text)) as T };
  };
  return {
    call,
    ask: async <T>(method: Method, path: string, body?: object) => {
      const { status, json } = await call<T>(method, path, body);
      if (status >= 400) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(json)}`);
      return json;
    },
  };
}
