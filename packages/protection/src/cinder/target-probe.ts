import type { Cloud } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { Clock } from '../deps.ts';
import { deleteBackup } from './backup.ts';
import { exportBackup, importChain } from './chain.ts';
import { stuck, type CinderDeps } from './group.ts';
import { waitFor } from './wait.ts';
import { isNotFound } from '../not-found.ts';

export interface ProbeEnd {
  readonly site: string;
  readonly cloud: Cloud;
  /** Type for the scratch volume. */
  readonly volumeType: string;
  /** Which of the source's cinder-backups is proved. */
  readonly zone?: string | undefined;
}

/** Deletes what a proof made, at both sites. The backup's data is the source's; the other site has a record of it only. */
export async function cleanProbe(name: string, from: CinderDeps, to: CinderDeps): Promise<void> {
  await at(to.site, async () => {
    await removeVolumes(to, name);
    await removeBackups(to, name);
  });
  await at(from.site, async () => {
    await removeBackups(from, name);
    await removeVolumes(from, name);
  });
}

/**
 * Proves that what one site backs up, the other can restore: a scratch volume is backed up, its record is brought over, and it is
 * restored there for real. Nothing else tells: two cinder-backups of the same driver need not share their storage. Leaves nothing.
 * Throws GW_BACKUP_TARGET_UNREADABLE or GW_BACKUP_DRIVER_UNSAFE.
 * @param name of everything that it makes: others prove the same target at the same time
 */
export async function probeTarget(name: string, source: ProbeEnd, target: ProbeEnd, clock: Clock, signal: AbortSignal, say: (what: string) => void): Promise<void> {
  const from: CinderDeps = { site: source.site, cloud: source.cloud, clock, signal };
  const to: CinderDeps = { site: target.site, cloud: target.cloud, clock, signal };
  const clean = () => cleanProbe(name, from, to);
  await clean();
  try {
    say(`backing up a scratch volume at ${source.site}`);
    const backupId = await at(source.site, async () => {
      const volume = await source.cloud.volume.volumes.create({ name, size: 1, volume_type: source.volumeType });
      await volumeReady(from, volume.id);
      const backup = await source.cloud.volume.backups.create({ volume_id: volume.id, name, force: true, ...(source.zone === undefined ? {} : { availability_zone: source.zone }) });
      await waitFor(
        async () => {
          const now = await source.cloud.volume.backups.get(backup.id);
          if (now.status.startsWith('error')) throw unreadable(source.site, target.site, `a scratch volume could not be backed up: ${now.fail_reason ?? now.status}`);
          return now.status === 'available' ? true : undefined;
        },
        { ...from, pollMs: 500, timeoutMs: 600_000, onTimeout: () => stuck(source.site, `backup ${backup.id}`, 'not finished after 600 s') },
      );
      return backup.id;
    });
    const exported = await at(source.site, () => exportBackup(source.cloud, backupId));
    refuseUnsafeDriver(source.site, exported.exported.backup_service);
    say(`restoring it at ${target.site}`);
    await at(target.site, async () => {
      await importChain(to, [exported]);
      const volume = await target.cloud.volume.volumes.create({ name, size: 1, volume_type: target.volumeType, backup_id: backupId });
      try {
        await volumeReady(to, volume.id);
      } catch (error) {
        if (error instanceof GodwitError && error.code === 'GW_RESOURCE_STUCK') throw unreadable(source.site, target.site, 'a backup made at the one could not be restored at the other');
        throw error;
      }
    });
  } finally {
    // A cancelled job still cleans up: the signal is not for this.
    const unhurried = { signal: AbortSignal.timeout(300_000) };
    Object.assign(from, unhurried);
    Object.assign(to, unhurried);
    await clean();
  }
}

/**
 * The Ceph backup driver loses data when it is given a snapshot: its first such backup is a thick copy under a fixed name, every
 * later one fails, and the failed one's clean-up deletes its parent's base while the parent stays `available`.
 */
export function refuseUnsafeDriver(site: string, driver: string): void {
  if (!/\bceph\b/i.test(driver)) return;
  throw new GodwitError('GW_BACKUP_DRIVER_UNSAFE', 'terminal', `${site}: cinder-backup uses the Ceph driver, which destroys data when it backs up from a snapshot`, {
    site,
    resource: 'cinder-backup',
    action: 'Use the posix, NFS, Swift or S3 driver for Godwit’s backups; docs/operators/backup-targets.md says why and how.',
  });
}

export async function volumeReady(deps: CinderDeps, id: string): Promise<void> {
  await waitFor(
    async () => {
      const volume = await deps.cloud.volume.volumes.get(id);
      if (volume.status.startsWith('error')) throw stuck(deps.site, `volume ${id}`, volume.status);
      return volume.status === 'available' ? true : undefined;
    },
    { ...deps, pollMs: 500, timeoutMs: 3_600_000, onTimeout: () => stuck(deps.site, `volume ${id}`, 'not available after an hour') },
  );
}

async function removeVolumes(deps: CinderDeps, name: string): Promise<void> {
  for (const volume of (await deps.cloud.volume.volumes.list({ name })).filter((v) => v.name === name)) await removeVolume(deps, volume.id);
}

/** Deletes a volume and waits until it is gone; one that is not there is success. */
export async function removeVolume(deps: CinderDeps, id: string): Promise<void> {
  let asked = false;
  await waitFor(
    async () => {
      try {
        const now = await deps.cloud.volume.volumes.get(id);
        // Cinder refuses to delete one whose deletion has failed: an administrator resets its state first.
        if (now.status === 'error_deleting') throw stuck(deps.site, `volume ${id}`, now.status);
        if (!asked && (now.status === 'available' || now.status.startsWith('error'))) {
          await deps.cloud.volume.volumes.delete(id);
          asked = true;
        }
        return undefined;
      } catch (error) {
        if (isNotFound(error)) return true;
        throw error;
      }
    },
    { ...deps, pollMs: 500, timeoutMs: 600_000, onTimeout: () => stuck(deps.site, `volume ${id}`, 'not deleted after 600 s') },
  );
}

async function removeBackups(deps: CinderDeps, name: string): Promise<void> {
  for (const backup of (await deps.cloud.volume.backups.list({ name })).filter((b) => b.name === name)) await deleteBackup(deps, backup.id);
}

const unreadable = (source: string, target: string, why: string): GodwitError =>
  new GodwitError('GW_BACKUP_TARGET_UNREADABLE', 'terminal', `${target} cannot read what ${source} backs up: ${why}`, {
    site: target,
    resource: 'cinder-backup',
    action: 'Give the cinder-backups of both sites the same storage (one NFS export, one Swift, one S3 bucket).',
  });
