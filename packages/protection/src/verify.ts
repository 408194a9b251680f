import { randomUUID } from 'node:crypto';
import { checked } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { StepContext, WorkflowDefinition } from '@godwit/workflow';
import { removeVolume, volumeReady } from './cinder/target-probe.ts';
import type { Deps } from './deps.ts';
import { methodOf } from './methods/index.ts';
import { readManifest } from './manifest/store.ts';
import { findAll } from './preflight/findings.ts';
import type { Group, PointImage, RecoveryPoint, VerifyResult } from './schemas.ts';

/** Looks at a recovery point where it lies: its manifest's checksum, and every chain's every member. Changes nothing. */
export async function verifyPoint(deps: Deps, group: Group, point: RecoveryPoint): Promise<VerifyResult> {
  const site = point.recoverySite;
  const tenant = deps.sites.get(site).asProject(group.project);
  const findings = await findAll([
    { site, resource: `recovery point ${point.id}`, run: async () => (await readManifest(site, tenant, point.id, point.manifest?.sha256), []) },
    ...methodOf(point).store.checks(deps, group, point),
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
        if (!g || !p) throw new GodwitError('GW_POINT_UNKNOWN', 'terminal', 'the recovery point was deleted before it was looked at', { resource: `recovery point ${input.pointId}` });
        return { group: g, point: p, tag: randomUUID() };
      });
      const looked = await ctx.step('verify-chains', () => verifyPoint(deps, group, point));
      if (!looked.ok) return looked;
      const { prove } = methodOf(point).store;
      if (prove) {
        const findings = (await ctx.all('prove', point.volumes, (v) => v.volumeId, (v, s) => prove(deps, group, point, v, s))).flat();
        return { ...looked, ok: findings.length === 0, restored: findings.length === 0, findings };
      }
      await ctx.all('test-restore', point.volumes, (v) => v.volumeId, (v, s) => testRestore(deps, group, point, v, tag, s), {
        compensate: (_r, s) => removeScratch(deps, group, point, tag, s),
      });
      await ctx.all('test-read', point.images ?? [], (i) => i.serverId, (i, s) => testRead(deps, group, point, i, s));
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

/** A root disk that is no volume is read to its end: its bytes have the hash that they had when they were sent. */
async function testRead(deps: Deps, group: Group, point: RecoveryPoint, image: PointImage, s: StepContext): Promise<void> {
  const site = point.recoverySite;
  s.progress({ phase: 'TestRestoring', item: image.serverName });
  await at(site, async () => {
    const { stream } = await deps.sites.get(site).asProject(group.project).image.download(image.imageId, { signal: s.signal });
    for await (const piece of checked(stream, image.hash.algorithm, image.hash.value)) void piece;
  }, `image ${image.imageId}`);
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
