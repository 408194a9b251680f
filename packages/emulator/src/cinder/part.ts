import type { VolumeFacts, VolumesPart } from '../between.ts';
import type { Site } from '../core/site.ts';
import { notFound } from '../errors.ts';
import { contentsOf } from '../storage/sparse.ts';
import { attach, detach, reserve } from './attachments.ts';
import { createSnapshot } from './snapshots.ts';
import type { CinderState, Volume } from './state.ts';
import { createVolume } from './volume-create.ts';
import { deleteVolume, typeNamed } from './volumes.ts';

/** What Nova asks of Cinder, in this process. */
export function volumesPart(site: Site, state: CinderState): VolumesPart {
  const must = (id: string): Volume => {
    const volume = state.volumes.get(id);
    if (!volume) throw notFound(`Volume ${id} could not be found.`);
    return volume;
  };
  const facts = (v: Volume): VolumeFacts => ({ id: v.id, name: v.name ?? '', projectId: v.projectId, size: v.size, status: v.status, bootable: v.bootable, type: state.types.get(v.typeId)?.name ?? '', availabilityZone: v.zone, imageMetadata: v.imageMetadata ?? {} });
  return {
    get: (id) => {
      const volume = state.volumes.get(id);
      return volume && facts(volume);
    },
    create({ projectId, userId, name, size, type, source }, ready) {
      const snapshot = source.from === 'snapshot' ? state.snapshots.get(source.id ?? '') : undefined;
      if (source.from === 'snapshot' && !snapshot) throw notFound(`Snapshot ${source.id ?? ''} could not be found.`);
      return createVolume(site, state, { projectId, userId, name, size, type: type === undefined ? undefined : typeNamed(state, type), snapshot, imageId: source.from === 'image' ? source.id : undefined }, (v) => ready(facts(v))).id;
    },
    reserve: (id, serverId) => reserve(site, state, must(id), serverId).id,
    attach(_id, { attachmentId, host, device }) {
      const found = state.attachments.get(attachmentId);
      if (found) attach(site, state, found, host, device);
    },
    detach(id, serverId) {
      for (const a of [...state.attachments.values()]) if (a.volumeId === id && a.serverId === serverId) detach(site, state, a);
    },
    delete: (id) => {
      const volume = state.volumes.get(id);
      if (volume) deleteVolume(site, state, volume);
    },
    snapshot(id, { name, description }, ready) {
      const volume = must(id);
      return createSnapshot(site, state, volume, { projectId: volume.projectId, userId: volume.userId, name, description }, true, (s) => ready(s.status)).id;
    },
    contents: (id) => (state.volumes.has(id) ? contentsOf(() => must(id).data) : undefined),
  };
}
