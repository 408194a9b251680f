import type { StepContext } from '@godwit/workflow';
import { versionFor, type Manifest } from '../manifest/schema.ts';
import { deleteManifest, writeManifest, type StoredManifest } from '../manifest/store.ts';
import { methodOf } from '../methods/index.ts';
import type { Capture, Carried } from '../methods/types.ts';
import type { RecoveryPoint } from '../schemas.ts';
import type { VolumeChain } from './bring-over.ts';
import type { Prepared } from './prepare.ts';
import type { ProtectDeps, ProtectInput } from './workflow.ts';

/** Writes the manifest at the recovery site: from then on that site alone can bring the group back to this point. */
export function publish(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, captured: Capture, chains: readonly VolumeChain[], carried: Carried, s: StepContext): Promise<StoredManifest> {
  s.progress({ phase: 'WritingManifest' });
  const { group, target } = prepared;
  const method = methodOf(group.policy);
  const manifest: Manifest = {
    schema: 'godwit.recovery-point',
    version: versionFor(method.name),
    group: {
      id: group.id,
      name: group.name,
      project: group.project,
      site: group.site,
      recoverySite: group.recoverySite,
      epoch: group.epoch,
      members: group.members,
      policy: group.policy,
      createdAt: group.createdAt,
    },
    point: {
      id: input.pointId,
      sequence: prepared.sequence,
      createdAt: prepared.createdAt,
      frozenAt: captured.frozenAt,
      ...(method.name === 'group-snapshot' ? {} : { method: method.name }),
      consistency: method.consistency(prepared.servers),
      incremental: prepared.incremental,
      freezeWindowMs: captured.windowMs,
      groupSnapshotMs: captured.snapshotMs,
      sourceSite: prepared.source,
      recoverySite: target,
      volumes: pointVolumes(prepared, chains, carried),
      ...(carried.images.length > 0 ? { images: [...carried.images] } : {}),
    },
    servers: [...prepared.servers],
  };
  return writeManifest(target, deps.sites.get(target).asProject(group.project), manifest);
}

/** Undo: the manifest of a point that does not count would bring it back at the next rebuild of the catalogue. */
export async function withdraw(deps: ProtectDeps, input: ProtectInput, prepared: Prepared): Promise<void> {
  if ((await deps.store.point(input.pointId))?.state === 'Available') return;
  await deleteManifest(prepared.target, deps.sites.get(prepared.target).asProject(prepared.group.project), input.pointId);
}

export function pointVolumes(prepared: Prepared, chains: readonly VolumeChain[], carried: Carried): RecoveryPoint['volumes'] {
  return prepared.volumes.map((v) => {
    const chain = chains.find((c) => c.volumeId === v.id);
    const replica = carried.replicas?.[v.id];
    return {
      volumeId: v.id,
      name: v.name,
      sizeGiB: v.sizeGiB,
      device: v.device,
      backupId: chain?.backupId ?? '',
      incremental: (chain?.chain.length ?? 0) > 1,
      chain: [...(chain?.chain ?? [])],
      ...(replica ? { replica } : {}),
    };
  });
}
