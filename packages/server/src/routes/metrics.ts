import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { z } from 'zod';
import type { Routes } from './route.ts';

/** Prometheus. Labels are routes, never paths: names of groups and servers are tenants' own, and would make endless series. */
export const metricsRoutes: Routes = (app, { sites }) => {
  const registers = [new Registry()];
  const [register] = registers as [Registry];
  collectDefaultMetrics({ register });
  const duration = new Histogram({
    name: 'godwit_http_request_seconds',
    help: 'Time to answer, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  const refused = new Counter({ name: 'godwit_auth_refused_total', help: 'Requests answered 401 or 403', labelNames: ['status'], registers });
  new Gauge({
    name: 'godwit_site_up',
    help: '1: the last poll of the site succeeded; 0: it failed; absent: not polled yet',
    labelNames: ['site'],
    registers,
    collect() {
      this.reset();
      for (const site of sites.names()) {
        const { state } = sites.health(site);
        if (state !== 'unknown') this.set({ site }, state === 'up' ? 1 : 0);
      }
    },
  });

  app.addHook('onResponse', (request, reply, done) => {
    const status = String(reply.statusCode);
    duration.observe({ method: request.method, route: request.routeOptions.url ?? 'none', status }, reply.elapsedTime / 1000);
    if (status === '401' || status === '403') refused.inc({ status });
    done();
  });

  app.get('/metrics', {
    config: { access: 'public' },
    schema: { tags: ['process'], summary: 'Metrics for Prometheus', response: { 200: { content: { 'text/plain': { schema: z.string() } } } } },
    handler: async (_request, reply) => {
      const text = await register.metrics();
      return await reply.type(register.contentType).serializer((s: string) => s).send(text);
    },
  });
};
