import { at } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { deleteBackup, ensureBackup } from '../cinder/backup.ts';
import type { VolumeRecord } from '../inventory/types.ts';
import { names } from '../names.ts';
import type { Capture } from '../methods/types.ts';
import type { Prepared } from './prepare.ts';
import type { ProtectDeps, ProtectInput } from './workflow.ts';

export interface VolumeBackup {
  readonly volumeId: string;
  readonly backupId: string;
}

/** One volume's backup, from its snapshot. */
export async function backUpVolume(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, captured: Capture, volume: VolumeRecord, s: StepContext): Promise<VolumeBackup> {
  const cloud = deps.sites.get(prepared.source).asProject(prepared.group.project);
  const item = volume.name || volume.id;
  const wish = { pointId: input.pointId, volumeId: volume.id, snapshotId: captured.snapshots[volume.id] ?? '', incremental: prepared.incremental, zone: prepared.group.policy.backupZone };
  const backup = await at(
    prepared.source,
    () => ensureBackup({ site: prepared.source, cloud, clock: deps.clock, signal: s.signal }, wish, (status) => s.progress({ phase: 'BackingUp', item, message: status })),
    `volume ${item}`,
  );
  s.progress({ phase: 'BackingUp', item, done: 100, total: 100, unit: 'percent', message: 'backed up' });
  return { volumeId: volume.id, backupId: backup.id };
}

/**
 * Undo: deletes whatever backup of this volume and point there is, at both sites. A backup of a failed point must not stay: Cinder would
 * take it for the parent of the next increment.
 */
export async function deleteUnfinishedBackup(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, volume: VolumeRecord, s: StepContext): Promise<void> {
  const point = await deps.store.point(input.pointId);
  if (point?.state === 'Available') return;
  const name = names.backup(input.pointId, volume.id);
  for (const site of [prepared.target, prepared.source]) {
    const cloud = deps.sites.get(site).asProject(prepared.group.project);
    await at(site, async () => {
      for (const backup of (await cloud.volume.backups.list({ name })).filter((b) => b.name === name)) {
        await deleteBackup({ site, cloud, clock: deps.clock, signal: s.signal }, backup.id);
      }
    });
  }
}
