import type { StepContext } from '@godwit/workflow';
import { probeTarget } from '../cinder/target-probe.ts';
import type { Prepared } from './prepare.ts';
import type { ProtectDeps } from './workflow.ts';

/** How long a proof holds. Storage that both sites read is set up once; that it is still there shows in every verify. */
const proofHoldsMs = 24 * 3_600_000;

export async function proveTarget(deps: ProtectDeps, prepared: Prepared, s: StepContext): Promise<void> {
  const { source, target, group } = prepared;
  const zone = group.policy.backupZone;
  // Each of a site's cinder-backups has storage of its own to prove.
  const proven = zone === undefined ? source : `${source}/${zone}`;
  const proved = await deps.store.targetVerifiedAt(proven, target);
  if (proved && deps.clock.now().getTime() - proved.getTime() < proofHoldsMs) return;
  const type = prepared.volumes[0]?.type ?? '';
  await probeTarget(
    { site: source, cloud: deps.sites.get(source).asProject(group.project), volumeType: type, zone },
    { site: target, cloud: deps.sites.get(target).asProject(group.project), volumeType: deps.sites.map(source, target, 'volumeTypes', type) },
    deps.clock,
    s.signal,
    (message) => s.progress({ phase: 'ProvingBackupTarget', message }),
  );
  await deps.store.targetVerified(proven, target, deps.clock.now());
}
