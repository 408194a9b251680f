import { z } from 'zod';
import { bodyOf } from '../http/body.ts';
import type { Answer } from '../http/service.ts';
import { assertState, assertUnlocked, type NCall } from './lookup.ts';
import { localDiskId } from '../guests/guests.ts';
import { createSparse } from '../storage/sparse.ts';
import { compute } from './runtime.ts';
import type { Server } from './state.ts';

/** Of a server on volumes: snapshots of them, and an image without bytes that names these. Its guest is frozen meanwhile, if it can be. */
export function createImage(call: NCall, server: Server, argument: unknown): Answer {
  const { site, micro, root } = call;
  const wanted = bodyOf(z.object({ name: z.string().min(1), metadata: z.record(z.string(), z.string()).default({}) }), argument);
  assertUnlocked(call, server);
  assertState(server, 'createImage', ['active', 'stopped', 'paused']);
  const images = site.part('images');
  const volumes = site.part('volumes');
  let imageId: string;
  if (server.imageId === null) {
    const { guests } = compute(site);
    const guest = guests.get(server.id);
    const frozen = guest?.agent === true && guest.frozenSince === undefined && guest.agentFrom <= site.clock.now();
    if (frozen) guests.freeze(server.id);
    let left = server.volumes.length;
    const mapping = server.volumes.map((v, i) => ({
      boot_index: i === 0 ? 0 : null, source_type: 'snapshot', destination_type: 'volume', device_type: 'disk', disk_bus: 'virtio', device_name: v.device,
      volume_size: volumes.get(v.volumeId)?.size, delete_on_termination: false, guest_format: null, image_id: null, volume_id: null, no_device: null, tag: null, volume_type: null,
      snapshot_id: volumes.snapshot(v.volumeId, { name: `snapshot for ${wanted.name}` }, () => {
        left -= 1;
        if (left === 0 && frozen) guests.thaw(server.id);
      }),
    }));
    const root0 = volumes.get(server.volumes[0]?.volumeId ?? '');
    imageId = images.create({
      projectId: server.projectId, name: wanted.name, status: 'active',
      properties: { ...root0?.imageMetadata, ...wanted.metadata, base_image_ref: '', bdm_v2: 'True', root_device_name: '/dev/vda', block_device_mapping: JSON.stringify(mapping) },
    });
  } else {
    imageId = images.create({ projectId: server.projectId, name: wanted.name, status: 'queued', minDisk: server.flavor.disk, properties: { ...images.get(server.imageId)?.properties, ...wanted.metadata, base_image_ref: server.imageId, instance_uuid: server.id } });
    server.taskState = 'image_snapshot';
    site.work(5_000, () => {
      server.taskState = null;
      // Copied as it is at the end, as libvirt's block copy does; what is not used is not kept (qcow2).
      compute(site).guests.flush(localDiskId(server.id));
      if (site.failing('image') !== undefined || site.storageFull) images.update(imageId, { status: 'error' });
      else images.fill(imageId, server.localDisk ?? createSparse(0), 'qcow2');
    });
  }
  return { status: 202, ...(micro >= 45 ? { body: { image_id: imageId } } : { headers: { location: `${root}/images/${imageId}` } }) };
}
