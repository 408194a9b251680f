import { at } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { importChain, readChain, verifyChain } from '../cinder/chain.ts';
import { refuseUnsafeDriver } from '../cinder/target-probe.ts';
import type { VolumeBackup } from './backup.ts';
import type { Prepared } from './prepare.ts';
import type { ProtectDeps } from './workflow.ts';

export interface VolumeChain extends VolumeBackup {
  /** From the full backup to this one. */
  readonly chain: readonly string[];
}

/** Exports a backup and all its ancestors, imports what the recovery site does not know yet, and verifies the whole there. */
export async function bringOver(deps: ProtectDeps, prepared: Prepared, backup: VolumeBackup, s: StepContext): Promise<VolumeChain> {
  const { source, target, group } = prepared;
  const from = deps.sites.get(source).asProject(group.project);
  const to = deps.sites.get(target).asProject(group.project);
  s.progress({ phase: 'BringingOver', item: backup.volumeId });
  const exported = await at(source, () => readChain(source, from, backup.backupId), `backup ${backup.backupId}`);
  refuseUnsafeDriver(source, exported.at(-1)?.exported.backup_service ?? '');
  const chain = await at(target, () => importChain({ site: target, cloud: to, clock: deps.clock, signal: s.signal }, exported), `backup ${backup.backupId}`);
  await at(target, () => verifyChain(target, to, chain), `backup ${backup.backupId}`);
  return { ...backup, chain };
}
