import type { Component, SiteContext } from '../engine/types.ts';
import { ensureEntry, ensureProject, ensureRole, ensureUser, grant, services } from '../seed/catalogue.ts';
import { tenancy } from '../seed/tenancy.ts';
import { ports, type Json } from '../seed/site-api.ts';
import { siteSpecs, type SiteSpec } from '../topology/load.ts';
import { masterUsers } from './users.ts';
import { sql } from './database.ts';
import { keystoneManage } from './keystone-node.ts';
import { starOf } from './plan.ts';

const identityUrl = (site: SiteSpec): string => `http://${site.ip}:${String(ports.identity)}/v3/`;

/** Sites with a Keystone that are in the star from the beginning. */
const sitesOf = ({ topology }: SiteContext): SiteSpec[] =>
  siteSpecs(topology).filter((s) => s.components.includes('keystone-1') && !starOf(topology).joining.includes(s.name));

/** The service APIs that some sites have besides Keystone. */
const apis: Readonly<Record<string, 'nova-api' | 'cinder-api'>> = { compute: 'nova-api', volume: 'cinder-api' };

/** Keystone makes no region by itself when an endpoint names it. */
async function ensureRegion({ api }: SiteContext, id: string): Promise<void> {
  const { regions } = await api.call('identity', 'GET', '/v3/regions');
  if (!(regions as Json[]).some((r) => r['id'] === id)) await api.call('identity', 'POST', '/v3/regions', { region: { id } });
}

/** The one catalogue of the star, with a region for each site, made at the first master. */
export const starCatalogue: Component = {
  name: 'star-catalogue',
  files: () => [],
  init: [
    {
      name: 'star-database',
      needs: ['galera', 'keystone-1-keys'],
      async run(context) {
        const { execOk, secrets, site } = context;
        await sql(context, 1, masterUsers(secrets));
        await execOk([...keystoneManage(1), 'db_sync'], { user: 'keystone', timeoutMs: 600_000 });
        const url = identityUrl(site);
        await execOk(
          [...keystoneManage(1), 'bootstrap', '--bootstrap-admin-url', url, '--bootstrap-internal-url', url, '--bootstrap-public-url', url, '--bootstrap-region-id', site.name],
          { user: 'keystone', env: { OS_BOOTSTRAP_PASSWORD: secrets.get('star/user/admin') } },
        );
      },
    },
    {
      name: 'star-catalogue',
      needs: ['star-database', 'keystone-1', 'haproxy'],
      async run(context) {
        const [project, admin, service] = await Promise.all([ensureProject(context, 'service'), ensureRole(context, 'admin'), ensureRole(context, 'service')]);
        for (const site of sitesOf(context)) {
          await ensureRegion(context, site.name);
          await ensureEntry(context, 'keystone', 'identity', identityUrl(site), site.name);
          for (const s of services) {
            const api = apis[s.service];
            if (api === undefined || !site.components.includes(api)) continue;
            const user = await ensureUser(context, s.user);
            await grant(context, project, user, admin);
            await grant(context, project, user, service);
            for (const type of s.types) await ensureEntry(context, s.user, type, `http://${site.ip}:${String(ports[s.service])}${s.path}`, site.name);
          }
        }
        await tenancy.run(context);
      },
    },
  ],
  services: [],
};
