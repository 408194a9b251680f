import { toGodwitError } from './translate.ts';
import type { ServiceCheck, Site, SiteCheck } from './types.ts';

type Probe = readonly [service: string, run: () => Promise<string | undefined>];

/** Asks every service that Godwit uses at a site for something real, side by side. */
export async function checkSite(site: Site): Promise<SiteCheck> {
  const checks = await Promise.all(probes(site).map((p) => tryProbe(site.name, p)));
  return { site: site.name, ok: checks.every((c) => c.ok), at: new Date().toISOString(), checks };
}

function probes(site: Site): Probe[] {
  const { admin } = site;
  const up = (services: readonly { state: string; status: string; host: string }[], what: string): string => {
    const alive = services.filter((s) => s.state === 'up' && s.status === 'enabled');
    if (alive.length === 0) throw new Error(`no ${what} is up and enabled`);
    return `${alive.length} up`;
  };
  return [
    ['identity', async () => `user ${(await admin.session.token()).userName}`],
    ['compute', async () => up(await admin.compute.services.list({ binary: 'nova-compute' }), 'nova-compute')],
    ['volume', async () => up(await admin.volume.services.list({ binary: 'cinder-volume' }), 'cinder-volume')],
    ['backup', async () => up(await admin.volume.services.list({ binary: 'cinder-backup' }), 'cinder-backup')],
    ['network', async () => `${(await admin.network.networks.list()).length} networks seen`],
    ['image', async () => `${(await admin.image.list({ limit: 1 })).length > 0 ? 'images' : 'no images'} seen`],
    ['rpc', async () => (await site.rpc().ready(5_000), 'connected')],
  ];
}

async function tryProbe(site: string, [service, run]: Probe): Promise<ServiceCheck> {
  const begun = performance.now();
  try {
    const version = await run();
    return { service, ok: true, latencyMs: Math.round(performance.now() - begun), ...(version === undefined ? {} : { version }) };
  } catch (cause) {
    const error = toGodwitError(cause, { site });
    return { service, ok: false, latencyMs: Math.round(performance.now() - begun), code: error.code, message: error.message, ...(error.action === undefined ? {} : { action: error.action }) };
  }
}
