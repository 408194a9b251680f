import type { Cloud } from '@godwit/openstack';
import type { Site } from '@godwit/sites';
import { backupServiceFindings } from '../cinder/backup-service.ts';
import type { VolumeRecord } from '../inventory/types.ts';
import type { Finding } from '../schemas.ts';
import type { Check } from './findings.ts';

/** Volumes, the backends they lie on, and Cinder's services. */
export function volumeChecks(site: Site, tenant: Cloud, volumes: readonly VolumeRecord[], backupZone: string | undefined, { backups = true } = {}): Check[] {
  if (volumes.length === 0) return [];
  return [
    ...volumes.map((v): Check => ({ site: site.name, resource: `volume ${v.id}`, run: () => oneVolume(site, tenant, v) })),
    { site: site.name, resource: 'cinder-volume', run: () => backends(site, volumes) },
    ...(backups ? [{ site: site.name, resource: 'cinder-backup', run: () => backupServiceFindings(site.name, site.admin, backupZone) }] : []),
  ];
}

async function oneVolume(site: Site, tenant: Cloud, record: VolumeRecord): Promise<Finding[]> {
  const volume = await site.admin.volume.volumes.get(record.id).catch(() => tenant.volume.volumes.get(record.id));
  const base = { site: site.name, resource: `volume ${record.id}` };
  const name = record.name || record.id;
  const findings: Finding[] = [];
  if (volume.status !== 'in-use') findings.push({ ...base, code: 'GW_VOLUME_STATE', message: `${site.name}: volume ${name} is ${volume.status}, not in-use`, action: 'Wait until what is being done with it has ended, or repair it.' });
  if (volume.multiattach === true) findings.push({ ...base, code: 'GW_VOLUME_MULTIATTACH', message: `${site.name}: volume ${name} is multi-attach`, action: 'Such volumes cannot be frozen by one guest; leave it out.' });
  if (volume.encrypted === true) findings.push({ ...base, code: 'GW_VOLUME_ENCRYPTED', message: `${site.name}: volume ${name} is encrypted; its key would not be at the recovery site`, action: 'Use a volume type without encryption by Cinder.' });
  return findings;
}

/** A volume's backend is the `host@backend` of its cinder-volume; only an admin may see it. */
async function backends(site: Site, volumes: readonly VolumeRecord[]): Promise<Finding[]> {
  const services = await site.admin.volume.services.list({ binary: 'cinder-volume' });
  const up = new Set(services.filter((s) => s.state === 'up' && s.status === 'enabled').map((s) => s.host));
  if (up.size === 0) return [down(site.name, 'cinder-volume')];
  const findings: Finding[] = [];
  for (const record of volumes) {
    const volume = await site.admin.volume.volumes.get(record.id);
    const host = (volume['os-vol-host-attr:host'] as string | undefined)?.split('#')[0];
    if (host !== undefined && !up.has(host)) findings.push({ ...down(site.name, `cinder-volume ${host}`), code: 'GW_BACKEND_DOWN' });
  }
  return findings;
}

const down = (site: string, what: string): Finding => ({ code: 'GW_VOLUME_SERVICE_DOWN', site, resource: what, message: `${site}: no ${what} is up and enabled`, action: `Start it; openstack volume service list shows its state.` });
