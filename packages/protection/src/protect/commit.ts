import { GodwitError } from '@godwit/sites';
import { withCondition } from '../group-sites.ts';
import type { StoredManifest } from '../manifest/store.ts';
import type { Capture, Carried } from '../methods/types.ts';
import type { Condition, RecoveryPoint } from '../schemas.ts';
import { epochPassed } from './begin.ts';
import type { VolumeChain } from './bring-over.ts';
import type { Prepared } from './prepare.ts';
import { pointVolumes } from './publish.ts';
import type { ProtectDeps, ProtectInput } from './workflow.ts';

/** The point counts from here on. Refused when the group went to another epoch meanwhile. */
export async function commitPoint(
  deps: ProtectDeps,
  input: ProtectInput,
  prepared: Prepared,
  captured: Capture,
  chains: readonly VolumeChain[],
  carried: Carried,
  manifest: StoredManifest,
): Promise<RecoveryPoint> {
  const { group } = prepared;
  const begun = await deps.store.point(input.pointId);
  if (!begun) throw new GodwitError('GW_POINT_UNKNOWN', 'terminal', 'the recovery point was deleted while it was made', { resource: `recovery point ${input.pointId}` });
  const volumes = pointVolumes(prepared, chains, carried);
  const { error: _none, ...rest } = begun;
  const point: RecoveryPoint = {
    ...rest,
    state: 'Available',
    frozenAt: captured.frozenAt,
    freezeWindowMs: captured.windowMs,
    groupSnapshotMs: captured.snapshotMs,
    incremental: volumes.some((v) => v.incremental),
    volumes,
    ...(carried.images.length > 0 ? { images: [...carried.images] } : {}),
    manifest,
  };
  const now = deps.clock.now();
  const updated = await deps.store.updateGroup(group.id, group.epoch, ({ progression: _done, ...g }) => ({
    ...g,
    state: g.state === 'FailedOver' ? g.state : 'Protected',
    conditions: withCondition({ ...g, conditions: withCondition(g, { type: 'Protected', status: 'True', reason: 'PointAvailable', message: `recovery point ${point.sequence} of ${captured.frozenAt} is at ${prepared.target}` }, now) }, readyCondition(prepared), now),
  }));
  if (!updated) throw epochPassed(group);
  await deps.store.putPoint(point);
  return point;
}

/** Whether what a recovery needs beside the data is alike at its site, as of this protect. */
function readyCondition({ target, warnings = [] }: Prepared): Omit<Condition, 'since'> {
  const [first] = warnings;
  if (!first) return { type: 'Ready', status: 'True', reason: 'AllThere', message: `all that a recovery needs is at ${target}` };
  return { type: 'Ready', status: first.code === 'GW_READINESS_UNKNOWN' ? 'Unknown' : 'False', reason: first.code === 'GW_READINESS_UNKNOWN' ? 'NotLooked' : 'Lacking', message: `${first.message}${warnings.length > 1 ? ` (and ${warnings.length - 1} more)` : ''}${first.action === undefined ? '' : `; ${first.action}`}` };
}
