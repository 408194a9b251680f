import { rebuildResultSchema } from '@godwit/protection';
import { z } from 'zod';
import { principalOf } from '../plugins/auth.ts';
import type { Routes } from './route.ts';

export const catalogRoutes: Routes = (app, { protection, sites }) => {
  app.post('/v1/catalog/rebuild', {
    config: { access: 'member' },
    schema: {
      tags: ['catalogue'],
      summary: 'Reads the manifests that lie at a site into the catalogue; for the caller’s project, for admins of all projects',
      body: z.strictObject({ site: z.string().min(1) }),
      response: { 200: rebuildResultSchema },
    },
    handler: (request) => protection.rebuildCatalog(principalOf(request), sites.get(request.body.site).name),
  });
};
