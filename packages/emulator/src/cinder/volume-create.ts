import type { Site } from '../core/site.ts';
import { badRequest } from '../errors.ts';
import { imageRecord } from '../glance/state.ts';
import { copyOf, createSparse } from '../storage/sparse.ts';
import { later } from './common.ts';
import { charge, checkVolumeSize, typed } from './quota.ts';
import { startRestore } from './restore.ts';
import { GIB, type Backup, type CinderState, type Snapshot, type Type, type Volume } from './state.ts';
import { timing } from './timing.ts';

export interface VolumeWish {
  readonly projectId: string;
  readonly userId: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly size?: number | undefined;
  readonly type?: Type | undefined;
  readonly zone?: string | undefined;
  readonly metadata?: Record<string, string>;
  readonly snapshot?: Snapshot | undefined;
  readonly source?: Volume | undefined;
  readonly imageId?: string | undefined;
  readonly backup?: Backup | undefined;
  readonly groupId?: string | undefined;
}

export const defaultType = (state: CinderState): Type => {
  const first = state.types.values().next().value;
  if (!first) throw new Error('a site without volume types');
  return first;
};

/**
 * A new volume, `creating` until the work is done. The checks are those of Cinder's own create flow, in its order and words.
 * @param ready called once, when it is available or in error
 * @throws ApiError 400, 404, 413
 */
export function createVolume(site: Site, state: CinderState, wish: VolumeWish, ready: (volume: Volume) => void = () => undefined): Volume {
  const { snapshot, source, backup, imageId } = wish;
  if (snapshot && snapshot.status !== 'available') throw badRequest(`Invalid snapshot: Originating snapshot status must be one of 'available' values`);
  if (source && !['available', 'in-use'].includes(source.status)) throw badRequest(`Invalid volume: Originating volume status must be one of 'available', 'in-use' values`);
  if (backup && !['available', 'restoring'].includes(backup.status)) throw badRequest(`Invalid backup: Originating backup status must be one of 'available' values`);
  const image = imageId === undefined ? undefined : imageOf(site, imageId, wish.projectId);
  const size = wish.size ?? snapshot?.size ?? source?.size ?? backup?.size ?? undefined;
  if (size === undefined) throw badRequest('The server could not comply with the request since it is either malformed or otherwise incorrect.');
  if (snapshot && size < snapshot.size) throw badRequest(`Invalid input received: Volume size '${String(size)}'GB cannot be smaller than the snapshot size ${String(snapshot.size)}GB. They must be >= original snapshot size.`);
  if (source && size < source.size) throw badRequest(`Invalid input received: Volume size '${String(size)}'GB cannot be smaller than original volume size  ${String(source.size)}GB. They must be >= original volume size.`);
  if (backup && size < (backup.size ?? 0)) throw badRequest(`Invalid input received: Volume size ${String(size)}GB cannot be smaller than the backup size ${String(backup.size)}GB. It must be >= backup size.`);
  if (image && size < Math.ceil(image.size / GIB)) throw badRequest(`Invalid input received: Size of specified image ${String(Math.ceil(image.size / GIB))}GB is larger than volume size ${String(size)}GB.`);
  if (image && size < image.minDisk) throw badRequest(`Invalid input received: Volume size ${String(size)}GB cannot be smaller than the image minDisk size ${String(image.minDisk)}GB.`);
  if (wish.zone !== undefined && !state.services.some((s) => s.binary === 'cinder-volume' && s.zone === wish.zone)) throw badRequest(`Availability zone '${wish.zone}' is invalid.`);
  const type = wish.type ?? state.types.get(snapshot?.typeId ?? source?.typeId ?? '') ?? defaultType(state);
  checkVolumeSize(state, wish.projectId, size);
  charge(state, wish.projectId, 'volumes', typed(state, type.id, { volumes: 1, gigabytes: size }), size);
  const volume: Volume = {
    id: site.random.uuid(),
    projectId: wish.projectId,
    userId: wish.userId,
    createdAt: site.now(),
    updatedAt: undefined,
    name: wish.name ?? null,
    description: wish.description ?? null,
    status: 'creating',
    previousStatus: 'creating',
    size,
    typeId: type.id,
    zone: wish.zone ?? source?.zone ?? 'nova',
    bootable: false,
    metadata: { ...wish.metadata },
    imageMetadata: undefined,
    snapshotId: snapshot?.id ?? null,
    sourceVolumeId: source?.id ?? null,
    groupId: wish.groupId ?? null,
    host: undefined,
    readonlyFlag: undefined,
    multiattach: type.specs['multiattach'] === '<is> True',
    data: createSparse(size * GIB),
  };
  state.volumes.set(volume.id, volume);
  begin(site, state, volume, wish, ready);
  return volume;
}

function begin(site: Site, state: CinderState, volume: Volume, wish: VolumeWish, ready: (volume: Volume) => void): void {
  const end = (status: string): void => {
    if (state.volumes.get(volume.id) !== volume || volume.status === 'deleting') return;
    volume.status = status;
    volume.updatedAt = site.now();
    ready(volume);
  };
  if (!scheduled(site, state, volume, end)) return;
  if (wish.backup) {
    startRestore(site, state, wish.backup, volume, () => ready(volume));
    return;
  }
  const { work, ms } = workOf(wish);
  if (wish.imageId !== undefined) site.work(Math.min(300, ms / 4), () => volume.status === 'creating' && (volume.status = 'downloading'));
  later(site, work, ms, (failed) => {
    if (failed !== undefined || !dead(state, 'cinder-volume')) {
      if (failed === undefined) takeData(site, volume, wish);
      end(failed === undefined ? 'available' : 'error');
    }
  });
}

/** What the scheduler finds: the back end, or nothing. */
function scheduled(site: Site, state: CinderState, volume: Volume, end: (status: string) => void): boolean {
  const { host } = state.services.find((s) => s.binary === 'cinder-volume') ?? { host: `${site.name}@ceph` };
  if (site.storageFull || dead(state, 'cinder-volume')) {
    later(site, 'volume-create', timing.createVolume / 2, () => end('error'));
    return false;
  }
  volume.host = `${host}#${state.backend.pool}`;
  return true;
}

export const dead = (state: CinderState, binary: string): boolean => state.services.filter((s) => s.binary === binary).every((s) => s.deadSince !== undefined || s.disabled);

function workOf(wish: VolumeWish): { work: string; ms: number } {
  if (wish.imageId !== undefined) return { work: 'volume-create', ms: timing.fromImage };
  if (wish.snapshot) return { work: 'volume-create', ms: timing.fromSnapshot };
  if (wish.source) return { work: 'volume-create', ms: timing.clone };
  return { work: 'volume-create', ms: timing.createVolume };
}

function takeData(site: Site, volume: Volume, wish: VolumeWish): void {
  if (wish.snapshot?.data) volume.data = copyOf(wish.snapshot.data, volume.size * GIB);
  if (wish.source) {
    site.parts.guests?.flush(wish.source.id);
    volume.data = copyOf(wish.source.data, volume.size * GIB);
    volume.imageMetadata = wish.source.imageMetadata && { ...wish.source.imageMetadata };
    volume.bootable = wish.source.bootable;
  }
  if (wish.imageId !== undefined) fromImage(site, volume, wish.imageId);
}

function fromImage(site: Site, volume: Volume, id: string): void {
  const image = imageRecord(site, id);
  if (!image) return;
  if (image.data) volume.data = copyOf(image.data, volume.size * GIB);
  volume.bootable = true;
  volume.imageMetadata = {
    ...image.properties,
    signature_verified: 'False', image_id: id, image_name: image.name ?? '', checksum: image.checksum ?? '', container_format: image.containerFormat ?? '', disk_format: image.diskFormat ?? '',
    min_disk: String(image.minDisk), min_ram: String(image.minRam), size: String(image.size ?? 0),
  };
}

function imageOf(site: Site, id: string, projectId: string) {
  const image = imageRecord(site, id);
  if (!image || (image.visibility === 'private' && image.owner !== projectId)) throw badRequest('Invalid image identifier or unable to access requested image.');
  if (image.status !== 'active') throw badRequest(`Invalid input received: Image ${id} is not active.`);
  return { size: image.size ?? 0, minDisk: image.minDisk };
}
