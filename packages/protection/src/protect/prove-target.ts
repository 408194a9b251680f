import type { StepContext } from '@godwit/workflow';
import { cleanProbe, probeTarget } from '../cinder/target-probe.ts';
import { names } from '../names.ts';
import type { Prepared } from './prepare.ts';
import type { ProtectDeps, ProtectInput } from './workflow.ts';

/** How long a proof holds. Storage that both sites read is set up once; that it is still there shows in every verify. */
const proofHoldsMs = 24 * 3_600_000;

export async function proveTarget(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<void> {
  const { source, target, group } = prepared;
  // Nothing is backed up: no backup target to prove.
  if (prepared.volumes.length === 0) return;
  const zone = group.policy.backupZone;
  // Each of a site's cinder-backups has storage of its own to prove.
  const proven = zone === undefined ? source : `${source}/${zone}`;
  const proved = await deps.store.targetVerifiedAt(proven, target);
  if (proved && deps.clock.now().getTime() - proved.getTime() < proofHoldsMs) {
    // Another group's job has proved it while this one was interrupted in its own proof: nobody else would clean up behind that.
    if (s.triedBefore) await clearProbe(deps, input, prepared, s);
    return;
  }
  const type = prepared.volumes[0]?.type ?? '';
  await probeTarget(
    names.probe(input.pointId),
    { site: source, cloud: deps.sites.get(source).asProject(group.project), volumeType: type, zone },
    { site: target, cloud: deps.sites.get(target).asProject(group.project), volumeType: deps.sites.map(source, target, 'volumeTypes', type) },
    deps.clock,
    s.signal,
    (message) => s.progress({ phase: 'ProvingBackupTarget', message }),
  );
  await deps.store.targetVerified(proven, target, deps.clock.now());
}

/** Undo: of a proof that a crash cut short. */
export function clearProbe(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<void> {
  const end = (site: string) => ({ site, cloud: deps.sites.get(site).asProject(prepared.group.project), clock: deps.clock, signal: s.signal });
  return cleanProbe(names.probe(input.pointId), end(prepared.source), end(prepared.target));
}
