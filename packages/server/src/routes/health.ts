import { GodwitError } from '@godwit/sites';
import { z } from 'zod';
import type { Routes } from './route.ts';

const patienceMs = 2_000;

/** For whoever supervises the process. A dead site makes neither unhealthy: that is what Godwit is there for. */
export const healthRoutes: Routes = (app, { jobs, version }) => {
  app.get('/healthz', {
    config: { access: 'public' },
    schema: { tags: ['process'], summary: 'The process runs', response: { 200: z.object({ ok: z.literal(true) }) } },
    handler: () => ({ ok: true as const }),
  });

  app.get('/readyz', {
    config: { access: 'public' },
    schema: { tags: ['process'], summary: 'It can serve: its database answers', response: { 200: z.object({ ready: z.literal(true) }) } },
    handler: async () => {
      await within(patienceMs, jobs.list({ limit: 1 }));
      return { ready: true as const };
    },
  });

  app.get('/v1/version', {
    config: { access: 'public' },
    schema: { tags: ['process'], summary: 'Version of the server', response: { 200: z.object({ version: z.string(), api: z.literal('v1') }) } },
    handler: () => ({ version: version ?? '0.0.0', api: 'v1' as const }),
  });
};

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } catch (cause) {
    throw new GodwitError('GW_NOT_READY', 'waiting', 'the database does not answer', { action: 'Look at the server’s log and at PostgreSQL.', cause });
  } finally {
    clearTimeout(timer);
  }
}
