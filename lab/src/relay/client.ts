import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { LabError } from '../errors.ts';
import type { RelayReply, RelayRequest } from './protocol.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpAsk {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly bodyFile?: string;
  readonly timeoutMs?: number;
}

/** The lab's way to talk to a site's services: see relay.ts. */
export interface Relay {
  http(url: string, ask?: HttpAsk): Promise<HttpAnswer>;
  /** Connects, and with `send` waits for the first bytes of an answer. */
  tcp(host: string, port: number, send?: Buffer, timeoutMs?: number): Promise<Buffer>;
  close(): void;
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export function startRelay(enter: (argv: readonly string[]) => string[], sourceDir: string): Relay {
  const argv = enter([process.execPath, '--import', 'tsx', join(sourceDir, 'src/relay/relay.ts')]);
  const child: ChildProcess = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], cwd: sourceDir });
  const waiting = new Map<number, { resolve: (r: Extract<RelayReply, { ok: true }>) => void; reject: (e: Error) => void }>();
  let next = 0;
  let ended: string | undefined;
  const end = (why: string): void => {
    ended = why;
    for (const { reject } of waiting.values()) reject(new LabError('LAB_RELAY', why, { kind: 'retryable' }));
    waiting.clear();
  };
  child.on('error', (error) => {
    end(`the relay in ops could not be started: ${error.message}`);
  });
  child.on('exit', () => {
    end('the relay in ops ended');
  });
  child.stdin?.on('error', () => undefined);
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const reply = JSON.parse(line) as RelayReply;
      const entry = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (reply.ok) entry?.resolve(reply);
      else entry?.reject(new LabError('LAB_UNREACHABLE', reply.message, { kind: 'retryable' }));
    });
  const ask = (request: Without<RelayRequest, 'id'>): Promise<Extract<RelayReply, { ok: true }>> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) {
        reject(new LabError('LAB_RELAY', ended));
        return;
      }
      const id = next++;
      waiting.set(id, { resolve, reject });
      child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  return {
    async http(url, options = {}) {
      const { method = 'GET', headers = {}, body, bodyFile, timeoutMs = 30_000 } = options;
      const reply = await ask({
        op: 'http', method, url, headers, timeoutMs,
        ...(body === undefined ? {} : { body }),
        ...(bodyFile === undefined ? {} : { bodyFile }),
      });
      return { status: reply.status, headers: reply.headers, body: reply.body };
    },
    async tcp(host, port, send, timeoutMs = 3_000) {
      const reply = await ask({ op: 'tcp', host, port, timeoutMs, ...(send ? { send: send.toString('base64') } : {}) });
      return Buffer.from(reply.body, 'base64');
    },
    close() {
      child.stdin?.end();
      child.unref();
    },
  };
}
