import { Agent, request } from 'node:http';
import type { CloudEntry } from '@godwit/emulator';

/** A token of a site's Keystone. */
export async function tokenOf({ auth }: CloudEntry): Promise<string> {
  const answer = await fetch(`${auth.auth_url}/auth/tokens`, {
    method: 'POST',
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name: auth.username, domain: { name: 'Default' }, password: auth.password } } },
        scope: { project: { name: auth.project_name, domain: { name: 'Default' } } },
      },
    }),
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`Keystone answered ${String(answer.status)} to ${auth.username}`);
  return token;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly ms: number;
  readonly bytes: number;
}

export interface Api {
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  close(): void;
}

/** Godwit's API over kept-alive connections, with the time of each answer. */
export function openApi(url: string, token: string, authUrl: string): Api {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    call: (method, path, body) =>
      new Promise((resolve, reject) => {
        const began = performance.now();
        const text = body === undefined ? undefined : JSON.stringify(body);
        const asked = request(`${url}${path}`, { method, agent, headers: { 'x-auth-token': token, 'x-auth-url': authUrl, ...(text !== undefined && { 'content-type': 'application/json' }) } }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            // Timed to the last byte, before it is parsed.
            const ms = performance.now() - began;
            const all = Buffer.concat(chunks);
            resolve({ status: answer.statusCode ?? 0, body: all.length > 0 ? JSON.parse(all.toString()) : undefined, ms, bytes: all.length });
          });
        });
        asked.on('error', reject);
        asked.end(text);
      }),
    close: () => agent.destroy(),
  };
}

export const percentile = (values: readonly number[], p: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))] ?? 0;
};

/** The same mix of lists and shows for so long, by so many clients at once. @returns milliseconds of each answer, by kind */
export async function loadApi(api: Api, paths: Readonly<Record<string, () => string>>, options: { readonly clients: number; readonly ms: number; readonly pauseMs: number }): Promise<Record<string, number[]>> {
  const kinds = Object.keys(paths);
  const times: Record<string, number[]> = Object.fromEntries(kinds.map((k) => [k, []]));
  const end = performance.now() + options.ms;
  const client = async (first: number): Promise<void> => {
    for (let i = first; performance.now() < end; i += 1) {
      const kind = kinds[i % kinds.length] ?? '';
      const path = paths[kind]?.() ?? '';
      const { status, ms } = await api.call('GET', path);
      if (status !== 200) throw new Error(`GET ${path}: ${String(status)}`);
      times[kind]?.push(ms);
      await new Promise((done) => setTimeout(done, options.pauseMs));
    }
  };
  await Promise.all(Array.from({ length: options.clients }, (_, n) => client(n)));
  return times;
}
