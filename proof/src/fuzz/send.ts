import { request } from 'node:http';
import type { FuzzRequest } from './requests.ts';

export interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends it as it is, unlike fetch(). An event stream is left after a moment. */
export function send(base: string, one: FuzzRequest, token: string | undefined, streamMs = 60): Promise<Answer> {
  const url = new URL(base);
  return new Promise((resolve, reject) => {
    const out = request(
      {
        host: url.hostname, port: url.port, method: one.method, path: one.path, agent: false,
        headers: { ...one.headers, connection: 'close', ...(token !== undefined && { 'x-auth-token': token }), ...(one.body !== undefined && { 'content-length': String(Buffer.byteLength(one.body)) }) },
      },
      (answer) => {
        let body = '';
        const done = (): void => resolve({ status: answer.statusCode ?? 0, headers: JSON.stringify(answer.headers), body });
        answer.setEncoding('utf8').on('data', (text: string) => (body += text)).once('end', done).once('error', done);
        if (String(answer.headers['content-type']).startsWith('text/event-stream')) {
          setTimeout(() => {
            done();
            out.destroy();
          }, streamMs);
        }
      },
    );
    // A server that answers a body that is too large before it has read it may close the door.
    out.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' || error.code === 'ECONNRESET' ? resolve({ status: 0, headers: '', body: '' }) : reject(error)));
    out.end(one.body);
  });
}
