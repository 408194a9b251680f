import { GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { waitFor } from '../../cinder/wait.ts';
import type { VolumeRecord } from '../../inventory/types.ts';
import { driverOf } from '../../replication/places.ts';
import type { Replica } from '../../replication/types.ts';
import type { Capture, Making } from '../types.ts';
import { splitBrain } from './split-brain.ts';
import { placeOf } from './where.ts';

/** A first copy of a big volume takes long; what stands still for so long is told, and waited for on. */
const patienceMs = 24 * 3_600_000;

/** Waits until the copy of a volume holds the point as a whole. */
export async function arrived({ deps, input, prepared }: Making, capture: Capture, volume: VolumeRecord, s: StepContext): Promise<{ volumeId: string; replica: Replica }> {
  const driver = driverOf(deps);
  const begun = prepared.replicas?.find((r) => r.volumeId === volume.id);
  if (!begun) throw new GodwitError('GW_REPLICA_BROKEN', 'terminal', `${prepared.source}: volume ${volume.name || volume.id} has no copy`, { site: prepared.source, resource: `volume ${volume.id}`, action: 'Protect again.' });
  const { volumeId, ...reference } = begun;
  const item = volume.name || volume.id;
  const ships = capture.ships?.[volumeId];
  await waitFor(
    async () => {
      const target = await placeOf(deps, prepared.target, reference, 'cluster');
      const names = [reference.image, ...(volume.origin === undefined ? [] : [`volume-${volume.origin}`])];
      const copies = (await driver.status(target, names, s.signal)).filter((c) => c.found && c.mirror?.globalId === reference.globalId);
      const twin = copies.find((c) => c.mirror?.primary === true);
      if (twin) throw splitBrain(prepared.group, target.site, twin.image);
      const copy = copies.find((c) => c.image === reference.image);
      const behind = copy?.replay.find((r) => r.bytesBehind !== undefined)?.bytesBehind;
      s.progress({ phase: 'Replicating', item, message: copy === undefined ? 'first copy' : (copy.replay[0]?.state ?? ''), ...(behind === undefined ? {} : { done: 0, total: behind, unit: 'bytes' as const }) });
      return copy && driver.holds(copy, input.pointId, ships) ? true : undefined;
    },
    { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: patienceMs, onTimeout: () => behindForLong(prepared.target, item) },
  );
  s.progress({ phase: 'Replicating', item, done: 100, total: 100, unit: 'percent', message: 'there' });
  return { volumeId, replica: { ...reference, ...(ships === undefined ? {} : { ships }) } };
}

const behindForLong = (site: string, item: string): GodwitError =>
  new GodwitError('GW_REPLICA_BEHIND', 'retryable', `${site}: the copy of volume ${item} does not hold the point after 24 h`, { site, resource: `volume ${item}`, action: 'Look at rbd-mirror there, and at the network between the sites.' });
