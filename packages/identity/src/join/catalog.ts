import type { Cloud } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { Clouds } from '../probe/clouds.ts';
import type { StarSite } from '../star.ts';

const interfaces = ['public', 'internal', 'admin'] as const;
/** By this a job knows later what it has made, also when it died before it could note it. */
const mark = (jobId: string): string => `joined by Godwit, job ${jobId}`;

/** A Keystone that can write: of a master site in the star, heard and let serve if there is one. Not through a site's address: what answers there may be what is to be mended. */
export async function writer(deps: Deps, clouds: Clouds, without?: string): Promise<{ readonly cloud: Cloud; readonly site: string }> {
  const members = new Set((await deps.store.memberships()).filter((m) => m.state === 'member' || m.state === 'joining').map((m) => m.site));
  const states = new Map((await deps.nodes.list()).map((n) => [n.name, n]));
  const fit = (name: string): number => (states.get(name)?.connected ? (states.get(name)?.report?.ready?.ok === false ? 1 : 2) : 0);
  const [node] = deps.star.nodes.filter((n) => n.role === 'master' && members.has(n.site) && n.site !== without).sort((a, b) => fit(b.name) - fit(a.name));
  if (!node || fit(node.name) === 0) throw new GodwitError('GW_MASTER_AWAY', 'waiting', 'no master Keystone is there to write to', { resource: 'master cluster', action: 'It goes on by itself when one is back.' });
  return { cloud: clouds.at(node.site, node.url), site: node.site };
}

/** The region, and the site's Keystone in it, not announced yet: made where they are not there. */
export async function prepareEndpoints(deps: Deps, clouds: Clouds, site: StarSite, region: string, jobId: string, signal: AbortSignal): Promise<void> {
  const { cloud, site: where } = await writer(deps, clouds);
  await at(where, async () => {
    const { identity } = cloud;
    if (!(await identity.regions.list({}, { signal })).some((r) => r.id === region)) await identity.regions.create({ id: region, description: mark(jobId) }, { signal });
    const service = await keystoneService(cloud, signal);
    const there = await identity.endpoints.list({ service_id: service, region_id: region }, { signal });
    for (const kind of interfaces) {
      const found = there.find((e) => e.interface === kind);
      if (!found) await identity.endpoints.create({ service_id: service, region_id: region, interface: kind, url: site.url, enabled: false, description: mark(jobId) }, { signal });
      else if (!sameUrl(found.url, site.url)) {
        throw new GodwitError('GW_ENDPOINT_DIFFERS', 'terminal', `region ${region} has the ${kind} identity endpoint ${found.url}, not ${site.url}`, { site: site.name, resource: `endpoint ${found.id}`, action: 'Correct identity.sites.SITE.url, or delete that endpoint if nobody uses it.' });
      }
    }
  });
}

/** Catalogues made by different tools end it with a slash or without: it is the same Keystone. */
export const sameUrl = (a: string, b: string): boolean => a.replace(/\/+$/, '') === b.replace(/\/+$/, '');

/** Seen by everybody who gets a token from here on; or by nobody any more. */
export async function announce(deps: Deps, clouds: Clouds, site: StarSite, region: string, enabled: boolean, signal: AbortSignal, without?: string): Promise<void> {
  const { cloud, site: where } = await writer(deps, clouds, without);
  await at(where, async () => {
    for (const e of await ours(cloud, site, region, signal)) if (e.enabled !== enabled) await cloud.identity.endpoints.update(e.id, { enabled }, { signal });
  });
}

/** Takes the site's Keystone out of the catalogue. The region stays if anything else is in it. */
export async function removeEndpoints(deps: Deps, clouds: Clouds, site: StarSite, region: string, signal: AbortSignal, options: { readonly madeBy?: string; readonly without?: string } = {}): Promise<void> {
  const { cloud, site: where } = await writer(deps, clouds, options.without);
  await at(where, async () => {
    for (const e of await ours(cloud, site, region, signal)) {
      if (options.madeBy !== undefined && e['description'] !== mark(options.madeBy)) continue;
      await cloud.identity.endpoints.delete(e.id, { signal });
    }
    const left = await cloud.identity.endpoints.list({ region_id: region }, { signal });
    const there = (await cloud.identity.regions.list({}, { signal })).find((r) => r.id === region);
    const made = there?.description !== null && there?.description !== undefined && there.description.startsWith(mark(''));
    if (left.length === 0 && made && (options.madeBy === undefined || there.description === mark(options.madeBy))) await cloud.identity.regions.delete(region, { signal });
  });
}

async function ours(cloud: Cloud, site: StarSite, region: string, signal: AbortSignal) {
  const service = await keystoneService(cloud, signal);
  return (await cloud.identity.endpoints.list({ service_id: service, region_id: region }, { signal })).filter((e) => sameUrl(e.url, site.url));
}

async function keystoneService(cloud: Cloud, signal: AbortSignal): Promise<string> {
  const [service] = await cloud.identity.services.list({ type: 'identity' }, { signal });
  if (service) return service.id;
  throw new GodwitError('GW_CATALOG_NO_KEYSTONE', 'terminal', 'the catalogue has no service of type identity', { action: 'Make it: openstack service create --name keystone identity.' });
}
