import type { Site, SiteRegistry } from '@godwit/sites';
import { z } from 'zod';
import { siteCheckSchema, siteSchema } from '../schemas.ts';
import type { Routes } from './route.ts';

const params = z.object({ site: z.string() });

export const siteRoutes: Routes = (app, { sites }) => {
  app.get('/v1/sites', {
    config: { access: 'reader' },
    schema: { tags: ['sites'], summary: 'The sites and how they are', response: { 200: z.object({ sites: z.array(siteSchema) }) } },
    handler: () => ({ sites: sites.list().map((site) => present(sites, site)) }),
  });

  app.get('/v1/sites/:site', {
    config: { access: 'reader' },
    schema: { tags: ['sites'], summary: 'One site', params, response: { 200: siteSchema } },
    handler: ({ params: { site } }) => present(sites, sites.get(site)),
  });

  app.post('/v1/sites/:site/check', {
    config: { access: 'admin' },
    schema: { tags: ['sites'], summary: 'Tries everything that Godwit needs of a site', params, response: { 200: siteCheckSchema } },
    handler: async ({ params: { site } }) => {
      const { checks, ...check } = await sites.check(sites.get(site).name);
      return { ...check, checks: [...checks] };
    },
  });
};

function present(sites: SiteRegistry, site: Site): z.infer<typeof siteSchema> {
  const { state, since, message } = sites.health(site.name);
  return {
    name: site.name,
    ...(site.region !== undefined && { region: site.region }),
    authUrl: site.authUrl,
    health: { state, since, ...(message !== undefined && { message }) },
  };
}
