import { quiesceResultSchema } from '@godwit/protection';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import type { Routes } from './route.ts';

const params = z.object({ site: z.string(), server: z.string().describe('name or id') });

/** The quiesce API that Nova does not have, usable by itself. A guest is thawed by its site’s own broker after limitSeconds, whatever becomes of us. */
export const serverRoutes: Routes = (app, { protection, sites }) => {
  app.post('/v1/sites/:site/servers/:server/quiesce', {
    config: { access: 'member' },
    schema: {
      tags: ['servers'],
      summary: 'Freezes the file systems of a server’s guest',
      params,
      body: z.strictObject({ limitSeconds: z.number().int().min(1).max(300).default(30).describe('thawed by itself after this') }),
      response: { 200: quiesceResultSchema },
    },
    handler: (request) => {
      const { site, server } = request.params;
      return protection.quiesceServer(principalOf(request), sites.get(site).name, server, { limitSeconds: request.body.limitSeconds });
    },
  });

  app.post('/v1/sites/:site/servers/:server/unquiesce', {
    config: { access: 'member' },
    schema: { tags: ['servers'], summary: 'Thaws them', params, body: z.strictObject({}), response: { 200: quiesceResultSchema } },
    handler: (request) => {
      const { site, server } = request.params;
      return protection.unquiesceServer(principalOf(request), sites.get(site).name, server);
    },
  });
};
