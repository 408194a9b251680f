import type { Volume } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { waitFor } from '../../cinder/wait.ts';
import { removeVolume } from '../../cinder/target-probe.ts';
import type { Deps } from '../../deps.ts';
import type { VolumeRecord } from '../../inventory/types.ts';
import { labels, names } from '../../names.ts';
import type { RecoveryPlan } from '../../recover/assess.ts';
import type { RestoredVolume } from '../types.ts';

/**
 * A volume made from its backup (3.47): of the mapped type, and written sparsely, as a restore into an existing one is not. It has a
 * deterministic name until it is whole, then its old one. Its labels are written once more before that: where the backed up volume had
 * metadata, Cinder's restore replaces the new one's by it (labels of an earlier recovery among it), and only the name tells whose it is.
 */
export async function restoreVolume(deps: Deps, plan: RecoveryPlan, record: VolumeRecord, s: StepContext): Promise<RestoredVolume> {
  const cloud = deps.sites.get(plan.to).asProject(plan.group.project);
  const { volumes } = cloud.volume;
  const item = record.name || record.id;
  const made = names.restoredVolume(plan.pointId, plan.epoch, record.id);
  return at(
    plan.to,
    async () => {
      // Of this recovery point too: after the catalogue was rebuilt an epoch's number may have been used before.
      const wanted = { [labels.origin]: record.id, [labels.epoch]: String(plan.epoch), [labels.group]: plan.group.id, [labels.point]: plan.pointId };
      const isMine = (v: Volume): boolean => v.name === made || Object.entries(wanted).every(([key, value]) => v.metadata[key] === value);
      let volume = (await volumes.list()).find((v) => isMine(v) && v.status !== 'deleting');
      if (volume?.status.startsWith('error')) {
        await removeVolume({ site: plan.to, cloud, clock: deps.clock, signal: s.signal }, volume.id);
        volume = undefined;
      }
      volume ??= await volumes.create({
        name: made,
        size: record.sizeGiB,
        volume_type: deps.sites.map(plan.from, plan.to, 'volumeTypes', record.type),
        backup_id: plan.backups[record.id] ?? '',
        metadata: { ...record.metadata, ...wanted },
      });
      const id = volume.id;
      await waitFor(
        async () => {
          const now = await volumes.get(id);
          s.progress({ phase: 'RestoringVolumes', item, message: now.status });
          if (now.status.startsWith('error')) throw failed(plan.to, item, now.status);
          return now.status === 'available' || now.status === 'in-use' ? true : undefined;
        },
        { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: 24 * 3_600_000, onTimeout: () => failed(plan.to, item, 'not restored after 24 h') },
      );
      await volumes.setMetadata(id, { ...record.metadata, ...wanted });
      if (Object.keys(record.imageMetadata).length > 0) await volumes.setImageMetadata(id, record.imageMetadata);
      if (record.bootIndex === 0) await volumes.setBootable(id, true);
      await volumes.update(id, { name: record.name });
      s.progress({ phase: 'RestoringVolumes', item, done: 100, total: 100, unit: 'percent', message: 'restored' });
      return { originId: record.id, id };
    },
    `volume ${item}`,
  );
}

/** Undo, after the servers are gone. */
export async function deleteVolumes(deps: Deps, plan: RecoveryPlan, s: StepContext): Promise<void> {
  const cloud = deps.sites.get(plan.to).asProject(plan.group.project);
  await at(plan.to, async () => {
    const halfRestored = names.restoredVolume(plan.pointId, plan.epoch, '');
    const mine = (await cloud.volume.volumes.list()).filter((v) => v.name?.startsWith(halfRestored) === true || (v.metadata?.[labels.group] === plan.group.id && v.metadata[labels.epoch] === String(plan.epoch)));
    await Promise.all(mine.map((v) => removeVolume({ site: plan.to, cloud, clock: deps.clock, signal: s.signal }, v.id)));
  });
}

const failed = (site: string, item: string, why: string): GodwitError =>
  new GodwitError('GW_RESTORE_FAILED', 'retryable', `${site}: volume ${item} could not be restored: ${why}`, {
    site,
    resource: `volume ${item}`,
    action: 'Look at cinder-backup’s log; godwit recovery-point verify proves the chain.',
  });
