import { createServer, type Server } from 'node:http';
import type { Problem } from '../protocol/values.ts';

export type Readiness = () => { readonly ok: boolean; readonly reasons: readonly Problem[] };

/** `GET /ready` for a load balancer's health check: 200, or 503 with the reasons. Shows nothing else, and takes no part in anything. */
export async function serveReady(host: string, port: number, readiness: Readiness): Promise<Server> {
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 }, (request, response) => {
    const here = (request.url ?? '').split('?')[0] === '/ready' && (request.method === 'GET' || request.method === 'HEAD');
    const { ok, reasons } = here ? readiness() : { ok: false, reasons: [] };
    response.writeHead(here ? (ok ? 200 : 503) : 404, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(here ? { ready: ok, reasons } : { message: 'GET /ready' })}\n`);
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  return server;
}
