import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** A response as a stream of server-sent events (WHATWG HTML, section 9.2). Writes wait for a slow reader; nothing is kept for one. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #keepAlive: NodeJS.Timeout;
  readonly #gone = new AbortController();

  /** @param keepAliveMs pause after which a comment is sent, so that neither proxies nor clients take the stream for dead */
  constructor(response: ServerResponse, headers: Record<string, string>, keepAliveMs: number) {
    this.#response = response;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    response.once('close', () => this.#gone.abort());
    this.#keepAlive = setInterval(() => void this.#write(': keep-alive\n\n'), keepAliveMs);
    this.#keepAlive.unref();
  }

  /** Aborted when the reader has gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  async send(event: { id?: number; type?: string; data: unknown }): Promise<void> {
    const id = event.id === undefined ? '' : `id: ${event.id}\n`;
    const type = event.type === undefined ? '' : `event: ${event.type}\n`;
    await this.#write(`${id}${type}data: ${JSON.stringify(event.data)}\n\n`);
  }

  end(): void {
    clearInterval(this.#keepAlive);
    this.#response.end();
  }

  async #write(text: string): Promise<void> {
    if (this.#gone.signal.aborted || this.#response.writableEnded) return;
    if (this.#response.write(text)) return;
    await once(this.#response, 'drain', { signal: this.#gone.signal }).catch(() => undefined);
  }
}
