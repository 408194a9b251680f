import { at, GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { deleteGroupSnapshot } from '../../cinder/drop-group-snapshot.ts';
import { memberSnapshots, takeGroupSnapshot } from '../../cinder/group-snapshot.ts';
import { freezeWindow, type NamedGuest } from '../../freeze/window.ts';
import type { Prepared } from '../../protect/prepare.ts';
import type { Capture } from '../types.ts';
import type { ProtectDeps, ProtectInput } from '../../protect/workflow.ts';

export interface WindowRecord extends Capture {
  readonly groupSnapshotId: string;
}

const guestsOf = (prepared: Prepared): NamedGuest[] => prepared.servers.map((s) => ({ serverId: s.id, host: s.host, name: s.name }));

/**
 * The freeze window. It is written down before it opens: when a process finds it open, another died inside, nothing of that
 * window can be trusted, and this point has failed. Everything that could be fetched before is fetched before.
 */
export async function freezeAndSnapshot(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<WindowRecord> {
  const site = deps.sites.get(prepared.source);
  const cloud = site.asProject(prepared.group.project);
  if (!(await deps.store.openWindow(input.pointId, deps.clock.now()))) throw interrupted(prepared.source);
  await at(site.name, async () => {
    await cloud.session.warm(['volume']);
    await site.rpc().ready(5_000);
  });
  let groupSnapshotId = '';
  const window = await freezeWindow(
    { compute: site.compute, clock: deps.clock, log: deps.log },
    {
      site: site.name,
      guests: guestsOf(prepared),
      limitMs: prepared.group.policy.freezeLimitSeconds * 1_000,
      keeper: deps.keeper,
      progress: (phase, done, total) => s.progress({ phase, done, total, unit: 'members' }),
      inside: async (signal) => {
        groupSnapshotId = await takeGroupSnapshot({ site: site.name, cloud, clock: deps.clock, signal }, prepared.cinderGroupId, input.pointId);
      },
    },
  );
  await deps.store.closeWindow(input.pointId, deps.clock.now());
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
  await thawAll(deps, prepared, s.signal);
  await deps.store.closeWindow(input.pointId, deps.clock.now());
  await dropGroupSnapshot(deps, input, prepared, s);
}

const thawPatienceMs = 30_000;

/** Waits for the thaws for a while; a guest whose agent hangs is looked after by the keeper for as long as it takes. */
async function thawAll(deps: ProtectDeps, prepared: Prepared, signal: AbortSignal): Promise<void> {
  const { compute } = deps.sites.get(prepared.source);
  const limitMs = prepared.group.policy.freezeLimitSeconds * 1_000;
  const duties = guestsOf(prepared).reverse().map((guest) => deps.keeper.keep({ compute, clock: deps.clock, log: deps.log }, { guest, limitMs }));
  await Promise.race([Promise.all(duties), deps.clock.sleep(thawPatienceMs, signal)]);
}

export function dropGroupSnapshot(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<void> {
  const cloud = deps.sites.get(prepared.source).asProject(prepared.group.project);
  return at(prepared.source, () => deleteGroupSnapshot({ site: prepared.source, cloud, clock: deps.clock, signal: s.signal }, input.pointId));
}

const interrupted = (site: string): GodwitError =>
  new GodwitError('GW_WINDOW_INTERRUPTED', 'terminal', `${site}: the controller died inside the freeze window; the guests are thawed and nothing was kept of it`, {
    site,
    action: 'Protect again.',
  });
