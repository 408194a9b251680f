import { at, GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { deleteGroupSnapshot } from '../../cinder/drop-group-snapshot.ts';
import { memberSnapshots, takeGroupSnapshot } from '../../cinder/group-snapshot.ts';
import { pointWindow, thawPoint } from '../../freeze/point-window.ts';
import type { Prepared } from '../../protect/prepare.ts';
import type { Capture } from '../types.ts';
import type { ProtectDeps, ProtectInput } from '../../protect/workflow.ts';

export interface WindowRecord extends Capture {
  readonly groupSnapshotId: string;
}

export async function freezeAndSnapshot(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<WindowRecord> {
  const site = deps.sites.get(prepared.source);
  const cloud = site.asProject(prepared.group.project);
  let groupSnapshotId = '';
  const window = await pointWindow(deps, input, prepared, s, async (signal) => {
    groupSnapshotId = await takeGroupSnapshot({ site: site.name, cloud, clock: deps.clock, signal }, prepared.cinderGroupId, input.pointId);
  });
  const snapshots = await at(site.name, () => memberSnapshots(cloud, groupSnapshotId));
  const ids: Record<string, string> = {};
  for (const volume of prepared.volumes) {
    const snapshot = snapshots.get(volume.id);
    if (!snapshot) {
      throw new GodwitError('GW_SNAPSHOT_INCOMPLETE', 'terminal', `${site.name}: the group snapshot has no snapshot of volume ${volume.name || volume.id}`, { site: site.name, resource: `volume ${volume.id}`, action: 'Protect again; if it stays so, look at cinder-volume’s log.' });
    }
    ids[volume.id] = snapshot.id;
  }
  return { frozenAt: window.frozenAt, windowMs: Math.round(window.windowMs), snapshotMs: Math.round(window.insideMs), groupSnapshotId, snapshots: ids };
}

/** After a failure: every guest surely thawed, and what the window made deleted. */
export async function abandonWindow(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<void> {
  await thawPoint(deps, input, prepared, s.signal);
  await dropGroupSnapshot(deps, input, prepared, s);
}

export function dropGroupSnapshot(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<void> {
  const cloud = deps.sites.get(prepared.source).asProject(prepared.group.project);
  return at(prepared.source, () => deleteGroupSnapshot({ site: prepared.source, cloud, clock: deps.clock, signal: s.signal }, input.pointId));
}
