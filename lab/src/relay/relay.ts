// Runs in the network namespace of `ops`: does the lab's HTTP requests and TCP probes there, so that the lab itself (and whoever
// uses it as a library) can stay in the machine's own network. Ends with its standard input.
import { createReadStream, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

import type { RelayReply, RelayRequest } from './protocol.ts';

/** Each request has a connection of its own: uWSGI closes after every answer, and a kept one would be closed under the next request. */
function http(ask: Extract<RelayRequest, { op: 'http' }>): Promise<RelayReply> {
  return new Promise((resolve, reject) => {
    const length = ask.bodyFile === undefined ? Buffer.byteLength(ask.body ?? '') : statSync(ask.bodyFile).size;
    const request = httpRequest(
      ask.url,
      { method: ask.method, agent: false, signal: AbortSignal.timeout(ask.timeoutMs), headers: { ...ask.headers, ...(length > 0 ? { 'content-length': String(length) } : {}) } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const headers = Object.fromEntries(Object.entries(response.headers).map(([k, v]) => [k, Array.isArray(v) ? v.join(', ') : (v ?? '')]));
          resolve({ id: ask.id, ok: true, status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    request.on('error', reject);
    if (ask.bodyFile === undefined) request.end(ask.body);
    else createReadStream(ask.bodyFile).on('error', reject).pipe(request);
  });
}

function tcp(request: Extract<RelayRequest, { op: 'tcp' }>): Promise<RelayReply> {
  return new Promise((resolve) => {
    const socket = connect({ host: request.host, port: request.port });
    const end = (reply: RelayReply): void => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(request.timeoutMs, () => {
      end({ id: request.id, ok: false, message: 'timed out' });
    });
    socket.on('error', (error) => {
      end({ id: request.id, ok: false, message: error.message });
    });
    socket.on('close', () => {
      end({ id: request.id, ok: false, message: 'closed by the other side' });
    });
    socket.on('connect', () => {
      if (request.send === undefined) end({ id: request.id, ok: true, status: 0, headers: {}, body: '' });
      else socket.write(Buffer.from(request.send, 'base64'));
    });
    socket.on('data', (data) => {
      end({ id: request.id, ok: true, status: 0, headers: {}, body: data.toString('base64') });
    });
  });
}

const write = (reply: RelayReply): void => {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const request = JSON.parse(line) as RelayRequest;
    (request.op === 'http' ? http(request) : tcp(request)).then(write, (error: unknown) => {
      write({ id: request.id, ok: false, message: error instanceof Error ? error.message : String(error) });
    });
  })
  .on('close', () => {
    process.exit(0);
  });
