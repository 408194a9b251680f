import type { Cloud } from '@godwit/openstack';
import { GodwitError } from '@godwit/sites';
import type { Finding } from '../schemas.ts';

/** Is a cinder-backup up and enabled: any, or one of that availability zone? */
export async function backupServiceUp(cloud: Cloud, zone?: string | null): Promise<boolean> {
  const services = await cloud.volume.services.list({ binary: 'cinder-backup' });
  return services.some((s) => s.state === 'up' && s.status === 'enabled' && ((zone ?? s.zone) === s.zone));
}

const what = (site: string, zone?: string | null): string => `${site}: no cinder-backup is up and enabled${zone ? ` in availability zone ${zone}` : ''}`;

/** Nothing is backed up, restored or deleted at a site without it. */
export async function backupServiceFindings(site: string, admin: Cloud, zone: string | undefined): Promise<Finding[]> {
  if (await backupServiceUp(admin, zone)) return [];
  return [{ code: 'GW_BACKUP_SERVICE_DOWN', site, resource: 'cinder-backup', message: what(site, zone), action: 'Start it; openstack volume service list shows its state and zone.' }];
}

/** @param kind `waiting`: the job says what it waits for; `retryable`: for work that must not hold its group while the site is broken */
export const backupServiceDown = (site: string, kind: 'waiting' | 'retryable', zone?: string | null, cause?: unknown): GodwitError =>
  new GodwitError('GW_BACKUP_SERVICE_DOWN', kind, what(site, zone), { site, resource: 'cinder-backup', action: 'Start cinder-backup at this site; the job goes on by itself.', cause });

/** Throws when the service has been down longer than its restart takes: with its daemon dead a backup stays as it is for ever. */
export function backupServiceWatch(site: string, cloud: Cloud, kind: 'waiting' | 'retryable'): (zone?: string | null) => Promise<void> {
  let downSince: number | undefined;
  return async (zone) => {
    downSince = (await backupServiceUp(cloud, zone)) ? undefined : (downSince ?? performance.now());
    if (downSince !== undefined && performance.now() - downSince > graceMs) throw backupServiceDown(site, kind, zone);
  };
}

const graceMs = 60_000;
