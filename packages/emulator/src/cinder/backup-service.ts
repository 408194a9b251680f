import type { Site } from '../core/site.ts';
import { ApiError, notFound } from '../errors.ts';
import type { CinderState, Service } from './state.ts';

/** How long a dead service is still listed as up (service_down_time). */
export const DOWN_AFTER_MS = 60_000;

/** What `openstack volume service list` shows. */
export const isUp = (site: Site, service: Service): boolean => service.deadSince === undefined || site.now() - service.deadSince < DOWN_AFTER_MS / site.clock.speed;

export const serviceNotFound = (binary = 'cinder-backup'): ApiError => notFound(`Service ${binary} could not be found.`);

/**
 * The cinder-backup that Cinder's API chooses: one that is listed as up. It may be dead all the same: then what it is asked stays undone.
 * @throws ApiError 404
 */
export function chooseBackupService(site: Site, state: CinderState, zone: string | null, host?: string | null): Service {
  const up = state.services.filter((s) => s.binary === 'cinder-backup' && !s.disabled && isUp(site, s) && (zone === null || s.zone === zone));
  const chosen = up.find((s) => s.host === host) ?? up[0];
  if (!chosen) throw serviceNotFound();
  return chosen;
}

/** The scheduler's choice for a new backup; nobody: undefined, and the backup ends in error. */
export function scheduleBackup(site: Site, state: CinderState, zone: string | null, host: string | null): Service | undefined {
  const services = state.services.filter((s) => s.binary === 'cinder-backup' && !s.disabled && (zone === null || s.zone === zone));
  return services.find((s) => s.host === host && isUp(site, s)) ?? services.find((s) => isUp(site, s));
}
