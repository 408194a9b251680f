import { randomUUID } from 'node:crypto';
import { at } from '@godwit/sites';
import type { StepContext, WorkflowDefinition } from '@godwit/workflow';
import { verifyChain } from './cinder/chain.ts';
import { removeVolume, volumeReady } from './cinder/target-probe.ts';
import type { Deps } from './deps.ts';
import { readManifest } from './manifest/store.ts';
import { findAll } from './preflight/findings.ts';
import type { Group, RecoveryPoint, VerifyResult } from './schemas.ts';

/** Looks at a recovery point where it lies: its manifest's checksum, and every chain's every member. Changes nothing. */
export async function verifyPoint(deps: Deps, group: Group, point: RecoveryPoint): Promise<VerifyResult> {
  const site = point.recoverySite;
  const tenant = deps.sites.get(site).asProject(group.project);
  const findings = await findAll([
    { site, resource: `recovery point ${point.id}`, run: async () => (await readManifest(site, tenant, point.id, point.manifest?.sha256), []) },
    ...point.volumes.map((v) => ({ site, resource: `volume ${v.name || v.volumeId}`, run: () => at(site, async () => (await verifyChain(site, tenant, v.chain), [])) })),
  ]);
  return { point: point.id, ok: findings.length === 0, restored: false, findings };
}

export interface VerifyInput {
  readonly groupId: string;
  readonly pointId: string;
}

/** The only full proof short of a drill: every chain is really restored, to a scratch volume that is deleted again. */
export function verifyWorkflow(deps: Deps): WorkflowDefinition<VerifyInput, VerifyResult> {
  return {
    name: 'verify',
    run: async (ctx, input) => {
      const { group, point, tag } = await ctx.step('look', async () => {
        const [g, p] = [await deps.store.group(input.groupId), await deps.store.point(input.pointId)];
        if (!g || !p) throw new Error('the recovery point was deleted');
        return { group: g, point: p, tag: randomUUID() };
      });
      const looked = await ctx.step('verify-chains', () => verifyPoint(deps, group, point));
      if (!looked.ok) return looked;
      await ctx.all('test-restore', point.volumes, (v) => v.volumeId, (v, s) => testRestore(deps, group, point, v, tag, s), {
        compensate: (_r, s) => removeScratch(deps, group, point, tag, s),
      });
      return { ...looked, restored: true };
    },
  };
}

const scratchName = (tag: string, volumeId: string): string => `godwit-verify-${tag}-${volumeId}`;

async function testRestore(deps: Deps, group: Group, point: RecoveryPoint, volume: RecoveryPoint['volumes'][number], tag: string, s: StepContext): Promise<void> {
  const site = point.recoverySite;
  const cloud = deps.sites.get(site).asProject(group.project);
  const cinder = { site, cloud, clock: deps.clock, signal: s.signal };
  s.progress({ phase: 'TestRestoring', item: volume.name || volume.volumeId });
  const name = scratchName(tag, volume.volumeId);
  await at(site, async () => {
    const found = (await cloud.volume.volumes.list({ name })).find((v) => v.name === name);
    const scratch = found ?? (await cloud.volume.volumes.create({ name, size: volume.sizeGiB, backup_id: volume.backupId }));
    try {
      await volumeReady(cinder, scratch.id);
    } finally {
      await removeVolume({ ...cinder, signal: AbortSignal.timeout(600_000) }, scratch.id);
    }
  }, `volume ${volume.name || volume.volumeId}`);
}

async function removeScratch(deps: Deps, group: Group, point: RecoveryPoint, tag: string, s: StepContext): Promise<void> {
  const site = point.recoverySite;
  const cloud = deps.sites.get(site).asProject(group.project);
  await at(site, async () => {
    for (const volume of point.volumes) {
      const name = scratchName(tag, volume.volumeId);
      for (const v of (await cloud.volume.volumes.list({ name })).filter((x) => x.name === name)) await removeVolume({ site, cloud, clock: deps.clock, signal: s.signal }, v.id);
    }
  });
}
