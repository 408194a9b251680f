import { GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { pointWindow, thawPoint } from '../../freeze/point-window.ts';
import type { Prepared } from '../../protect/prepare.ts';
import type { ProtectDeps, ProtectInput } from '../../protect/workflow.ts';
import { byPlace } from '../../replication/held.ts';
import { driverOf } from '../../replication/places.ts';
import type { Held } from '../../replication/types.ts';
import type { Capture } from '../types.ts';
import { placeOf } from './where.ts';

async function heldAtSource(deps: ProtectDeps, prepared: Prepared): Promise<Held[]> {
  const begun = prepared.replicas ?? [];
  return byPlace(prepared.group.id, await Promise.all(begun.map(async (b) => ({ place: await placeOf(deps, prepared.source, b, 'peer'), image: b.image }))));
}

/** The one thing done inside the freeze window: the agent has been asked about these images before, and looks nothing up. */
export async function markPoint(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<Capture> {
  const driver = driverOf(deps);
  const held = await heldAtSource(deps, prepared);
  let marked: Awaited<ReturnType<typeof driver.mark>>[] = [];
  const window = await pointWindow(deps, input, prepared, s, async (signal) => {
    marked = await Promise.all(held.map((h) => driver.mark(h, input.pointId, signal)));
  });
  const byImage = new Map(marked.flat().map((m) => [m.image, m]));
  const ships: Record<string, number> = {};
  for (const b of prepared.replicas ?? []) {
    const mark = byImage.get(b.image);
    if (!mark) throw new GodwitError('GW_SNAPSHOT_INCOMPLETE', 'terminal', `${prepared.source}: image ${b.image} was not marked`, { site: prepared.source, resource: `volume ${b.volumeId}`, action: 'Protect again.' });
    if (mark.ships !== undefined) ships[b.volumeId] = mark.ships;
  }
  return { frozenAt: window.frozenAt, windowMs: Math.round(window.windowMs), snapshotMs: Math.round(window.insideMs), snapshots: {}, ships };
}

/** After a failure: every guest surely thawed, and no mark left. */
export async function abandonMark(deps: ProtectDeps, input: ProtectInput, prepared: Prepared, s: StepContext): Promise<void> {
  await thawPoint(deps, input, prepared, s.signal);
  if ((await deps.store.point(input.pointId))?.state === 'Available') return;
  const driver = driverOf(deps);
  for (const held of await heldAtSource(deps, prepared)) await driver.unmark(held, input.pointId, s.signal);
}
