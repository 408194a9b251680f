import type { Cloud, Volume } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { removeVolume } from '../../cinder/target-probe.ts';
import { waitFor } from '../../cinder/wait.ts';
import type { Deps } from '../../deps.ts';
import type { VolumeRecord } from '../../inventory/types.ts';
import { labels, names } from '../../names.ts';
import type { RecoveryPlan } from '../../recover/assess.ts';
import { backendOf, driverOf, imageOf } from '../../replication/places.ts';
import type { Held, Replica } from '../../replication/types.ts';
import type { RestoredVolume } from '../types.ts';
import { placeOf } from './where.ts';

function replicaOf(plan: RecoveryPlan, record: VolumeRecord): Replica {
  const replica = plan.replicas?.[record.id];
  if (replica) return replica;
  throw new GodwitError('GW_REPLICA_BROKEN', 'terminal', `${plan.to}: nothing is recorded of the copy of volume ${record.name || record.id}`, { site: plan.to, resource: `volume ${record.id}`, action: 'Recover from another recovery point.' });
}

/**
 * A volume made of its copy: promoted, brought to the point, and managed. In this order: Cinder cannot manage what is not primary, and leaves a
 * volume in error behind. Never a whole pool: the image of this volume alone.
 */
export async function recoverVolume(deps: Deps, plan: RecoveryPlan, record: VolumeRecord, s: StepContext): Promise<RestoredVolume> {
  const replica = replicaOf(plan, record);
  const place = await placeOf(deps, plan.to, replica, 'cluster');
  const held: Held = { place, group: plan.group.id, images: [replica.image] };
  const item = record.name || record.id;
  return at(
    plan.to,
    async () => {
      const existing = plan.returns?.volumes[record.id];
      if (existing !== undefined) return await takeBack(deps, plan, record, held, existing, s);
      const cloud = deps.sites.get(plan.to).asProject(plan.group.project);
      const wanted = { [labels.origin]: record.id, [labels.epoch]: String(plan.epoch), [labels.group]: plan.group.id, [labels.point]: plan.pointId };
      let volume = await findMade(cloud, plan, record, wanted);
      if (volume?.status.startsWith('error')) {
        // What Cinder could not take over has no data of its own behind it.
        await removeVolume({ site: plan.to, cloud, clock: deps.clock, signal: s.signal }, volume.id);
        volume = undefined;
      }
      if (!volume) {
        await makePrimary(deps, plan, held, item, s);
        volume = await cloud.volume.volumes.manage({
          host: await backendOf(deps, place), ref: { 'source-name': replica.image }, name: names.restoredVolume(plan.pointId, plan.epoch, record.id),
          volume_type: deps.sites.map(plan.from, plan.to, 'volumeTypes', record.type), bootable: record.bootIndex === 0, metadata: { ...record.metadata, ...wanted },
        });
      }
      const { id } = volume;
      await managed(deps, plan, cloud, id, item, s);
      const { volumes } = cloud.volume;
      await volumes.setMetadata(id, { ...record.metadata, ...wanted });
      if (Object.keys(record.imageMetadata).length > 0) await volumes.setImageMetadata(id, record.imageMetadata);
      if (record.bootIndex === 0) await volumes.setBootable(id, true);
      await volumes.update(id, { name: record.name });
      s.progress({ phase: 'RestoringVolumes', item, done: 100, total: 100, unit: 'percent', message: 'managed' });
      return { originId: record.id, id };
    },
    `volume ${item}`,
  );
}

async function findMade(cloud: Cloud, plan: RecoveryPlan, record: VolumeRecord, wanted: Readonly<Record<string, string>>): Promise<Volume | undefined> {
  const made = names.restoredVolume(plan.pointId, plan.epoch, record.id);
  return (await cloud.volume.volumes.list()).find((v) => (v.name === made || Object.entries(wanted).every(([k, value]) => v.metadata[k] === value)) && !['deleting', 'unmanaging'].includes(v.status));
}

const handedOverMs = 600_000;
const letGoMs = 30_000;

/** Handed over, it is promoted as soon as the other side's demotion has come; lost, by force, and brought to the point that was chosen. */
async function makePrimary(deps: Deps, plan: RecoveryPlan, held: Held, item: string, s: StepContext): Promise<void> {
  const driver = driverOf(deps);
  s.progress({ phase: 'Promoting', item });
  if (plan.planned === true) {
    await waitFor(
      async () => {
        try {
          await driver.promote(held, { force: false }, s.signal);
          return true;
        } catch (error) {
          if ((error as { code?: unknown }).code !== 'GW_STORAGE_BUSY') throw error;
          return undefined;
        }
      },
      { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: handedOverMs, onTimeout: () => new GodwitError('GW_REPLICA_BEHIND', 'retryable', `${plan.to}: the copy of volume ${item} was not handed over within ${handedOverMs / 60_000} minutes`, { site: plan.to, resource: `volume ${item}`, action: 'Look at rbd-mirror there, and at the network between the sites.' }) },
    );
    return;
  }
  await driver.promote(held, { force: true }, s.signal);
  await waitFor(
    async () => {
      try {
        await driver.rollback(held, plan.pointId, s.signal);
        return true;
      } catch (error) {
        // In journal mode rbd-mirror goes on holding the image's lock; while the lost cluster does not answer, until somebody restarts it.
        if ((error as { code?: unknown }).code !== 'GW_STORAGE_NOT_PRIMARY') throw error;
        return undefined;
      }
    },
    { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: letGoMs, onTimeout: () => new GodwitError('GW_REPLICA_BEHIND', 'retryable', `${plan.to}: the copy of volume ${item} was promoted, but cannot be written after ${letGoMs / 1_000} s`, { site: plan.to, resource: `volume ${item}`, action: 'rbd-mirror there still holds its lock (rbd lock ls): restart it; this goes on by itself then.' }) },
  );
}

async function managed(deps: Deps, plan: RecoveryPlan, cloud: Cloud, id: string, item: string, s: StepContext): Promise<void> {
  await waitFor(
    async () => {
      const now = await cloud.volume.volumes.get(id);
      s.progress({ phase: 'RestoringVolumes', item, message: now.status });
      if (now.status.startsWith('error')) throw failed(plan.to, item, now.status);
      return now.status === 'available' || now.status === 'in-use' ? true : undefined;
    },
    { clock: deps.clock, signal: s.signal, pollMs: 200, timeoutMs: 600_000, onTimeout: () => failed(plan.to, item, 'not managed after 600 s') },
  );
}

/** The site has a volume that the image was once behind: it gets its name again, and the volume its data. */
async function takeBack(deps: Deps, plan: RecoveryPlan, record: VolumeRecord, held: Held, existing: string, s: StepContext): Promise<RestoredVolume> {
  const driver = driverOf(deps);
  const item = record.name || record.id;
  const volume = await deps.sites.get(plan.to).admin.volume.volumes.get(existing);
  const name = imageOf(volume);
  const [now] = await driver.status(held.place, [name], s.signal);
  // Done by an earlier try: it is primary under its old name.
  const there = now?.found === true && now.mirror?.globalId === replicaOf(plan, record).globalId;
  const mine: Held = there ? { ...held, images: [name] } : held;
  await makePrimary(deps, plan, mine, item, s);
  if (!there) await driver.rename(held, held.images[0] ?? '', name, s.signal);
  s.progress({ phase: 'RestoringVolumes', item, done: 100, total: 100, unit: 'percent', message: 'taken back' });
  return { originId: record.id, id: existing };
}

/**
 * Undo, after the servers are gone: Cinder forgets the volumes, and the images get their names back. One that was handed over is handed back;
 * one that was promoted by force stays so: what it holds is not given up unasked.
 */
export async function deleteRecovered(deps: Deps, plan: RecoveryPlan, s: StepContext): Promise<void> {
  const driver = driverOf(deps);
  const cloud = deps.sites.get(plan.to).asProject(plan.group.project);
  const all = await at(plan.to, () => cloud.volume.volumes.list());
  for (const record of plan.volumes) {
    const replica = replicaOf(plan, record);
    const place = await placeOf(deps, plan.to, replica, 'cluster');
    const held: Held = { place, group: plan.group.id, images: [replica.image] };
    const existing = plan.returns?.volumes[record.id];
    const mine = all.find((v) => v.name === names.restoredVolume(plan.pointId, plan.epoch, record.id) || (v.metadata[labels.group] === plan.group.id && v.metadata[labels.epoch] === String(plan.epoch) && v.metadata[labels.origin] === record.id));
    const name = existing === undefined ? mine && imageOf(mine) : `volume-${existing}`;
    if (mine && existing === undefined) await at(plan.to, () => forget(deps, plan, cloud, mine.id, s));
    if (name !== undefined && (await driver.status(place, [name], s.signal))[0]?.mirror?.globalId === replica.globalId) await driver.rename(held, name, replica.image, s.signal);
    const [image] = await driver.status(place, [replica.image], s.signal);
    if (plan.planned === true && image?.mirror?.primary === true) await driver.demote(held, s.signal);
  }
}

async function forget(deps: Deps, plan: RecoveryPlan, cloud: Cloud, id: string, s: StepContext): Promise<void> {
  let asked = false;
  await waitFor(
    async () => {
      const now = (await cloud.volume.volumes.list()).find((v) => v.id === id);
      if (!now) return true;
      if (now.status.startsWith('error')) {
        await removeVolume({ site: plan.to, cloud, clock: deps.clock, signal: s.signal }, id);
        return true;
      }
      if (!asked && now.status === 'available') {
        await cloud.volume.volumes.unmanage(id);
        asked = true;
      }
      return undefined;
    },
    { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: 300_000, onTimeout: () => failed(plan.to, id, 'not forgotten after 300 s') },
  );
}

const failed = (site: string, item: string, why: string): GodwitError =>
  new GodwitError('GW_RESTORE_FAILED', 'retryable', `${site}: volume ${item} could not be made of its copy: ${why}`, { site, resource: `volume ${item}`, action: 'Look at cinder-volume’s log; godwit recovery-point verify looks at the copies.' });
