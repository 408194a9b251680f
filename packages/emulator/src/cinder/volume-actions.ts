import { badRequest, forbidden, notFound } from '../errors.ts';
import { accepted, ok, type Answer } from '../http/service.ts';
import { bodyObject, flag, later, noAction, requiredText, stringMap, text, wholeNumber, type CinderCall } from './common.ts';
import { charge, checkVolumeSize, typed } from './quota.ts';
import { GIB, type Volume } from './state.ts';
import { timing } from './timing.ts';
import { deleteVolume, findVolume, typeNamed } from './volumes.ts';

type Action = (call: CinderCall, volume: Volume) => Answer;

const done = (): Answer => ({ status: 202 });
const statuses = ['creating', 'available', 'deleting', 'error', 'error_deleting', 'error_managing', 'managing', 'attaching', 'detaching', 'in-use', 'maintenance', 'error_restoring', 'error_extending', 'error_backing-up', 'reserved', 'awaiting-transfer', 'backing-up', 'retyping', 'uploading', 'downloading', 'extending', 'restoring-backup', 'unmanaging'];

function admin(call: CinderCall, rule: string): void {
  if (!call.token.admin) throw forbidden(`Policy doesn't allow ${rule} to be performed.`);
}

const actions: Readonly<Record<string, Action>> = {
  'os-set_bootable'(call, volume) {
    volume.bootable = flag(bodyObject(call, 'os-set_bootable'), 'bootable');
    return { status: 200 };
  },
  'os-set_image_metadata'(call, volume) {
    const metadata = stringMap(bodyObject(call, 'os-set_image_metadata'), 'metadata');
    volume.imageMetadata = { ...volume.imageMetadata, ...metadata };
    return ok({ metadata: volume.imageMetadata });
  },
  'os-unset_image_metadata'(call, volume) {
    const key = requiredText(bodyObject(call, 'os-unset_image_metadata'), 'key');
    if (volume.imageMetadata?.[key] === undefined) throw notFound(`Glance metadata for volume/snapshot ${volume.id} cannot be found.`);
    const { [key]: _gone, ...rest } = volume.imageMetadata;
    volume.imageMetadata = rest;
    return { status: 200 };
  },
  'os-show_image_metadata': (_call, volume) => ok({ metadata: volume.imageMetadata ?? {} }),
  'os-update_readonly_flag'(call, volume) {
    volume.readonlyFlag = flag(bodyObject(call, 'os-update_readonly_flag'), 'readonly');
    return done();
  },
  'os-extend': extend,
  'os-reset_status'(call, volume) {
    admin(call, 'volume_extension:volume_admin_actions:reset_status');
    const body = bodyObject(call, 'os-reset_status');
    const status = text(body, 'status');
    if (status !== undefined && !statuses.includes(status)) throw badRequest(`Invalid input for field/attribute status. Value: ${status}. '${status}' is not one of ['${statuses.join("', '")}']`);
    if (status !== undefined) volume.status = status;
    if (text(body, 'attach_status') === 'detached') for (const a of [...call.state.attachments.values()]) if (a.volumeId === volume.id) call.state.attachments.delete(a.id);
    volume.updatedAt = call.site.now();
    return done();
  },
  'os-force_delete'(call, volume) {
    admin(call, 'volume_extension:volume_admin_actions:force_delete');
    deleteVolume(call.site, call.state, volume, { force: true });
    return done();
  },
  'os-force_detach'(call, volume) {
    admin(call, 'volume_extension:volume_admin_actions:force_detach');
    const id = text(bodyObject(call, 'os-force_detach'), 'attachment_id');
    for (const a of [...call.state.attachments.values()]) if (a.volumeId === volume.id && (id === undefined || a.id === id)) call.state.attachments.delete(a.id);
    volume.status = 'available';
    return done();
  },
  'os-reserve'(_call, volume) {
    if (volume.status !== 'available') throw badRequest(`Invalid volume: Volume status must be available to reserve, but the status is ${volume.status}.`);
    volume.status = 'attaching';
    return done();
  },
  'os-unreserve'(_call, volume) {
    if (volume.status === 'attaching') volume.status = 'available';
    return done();
  },
  'os-retype'(call, volume) {
    const type = typeNamed(call.state, requiredText(bodyObject(call, 'os-retype'), 'new_type'));
    if (!['available', 'in-use'].includes(volume.status)) throw badRequest(`Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change.`);
    volume.typeId = type.id;
    return done();
  },
  'os-unmanage'(call, volume) {
    admin(call, 'volume_extension:volume_unmanage');
    deleteVolume(call.site, call.state, volume);
    volume.status = 'unmanaging';
    call.state.unmanaged.set(`volume-${volume.id}`, { name: `volume-${volume.id}`, data: volume.data });
    return done();
  },
};

function extend(call: CinderCall, volume: Volume): Answer {
  const size = wholeNumber(bodyObject(call, 'os-extend'), 'new_size') ?? 0;
  const { state, site } = call;
  if (volume.status !== 'available' && !(volume.status === 'in-use' && call.micro >= 42)) throw badRequest(`Invalid volume: Volume status must be '{'status': 'available'}' to extend, currently ${volume.status}.`);
  if (size <= volume.size) throw badRequest(`Invalid input received: New size for extend must be greater than current size. (current: ${String(volume.size)}, extended: ${String(size)}).`);
  checkVolumeSize(state, volume.projectId, size);
  charge(state, volume.projectId, 'volumes', typed(state, volume.typeId, { gigabytes: size - volume.size }), size - volume.size);
  const before = volume.status;
  volume.status = 'extending';
  later(site, 'volume-extend', timing.extend, (failed) => {
    if (volume.status !== 'extending') return;
    if (failed === undefined) {
      volume.size = size;
      volume.data.size = size * GIB;
    }
    volume.status = failed === undefined ? before : 'error_extending';
    volume.updatedAt = site.now();
  });
  return accepted();
}

export function volumeAction(call: CinderCall): Answer {
  const volume = findVolume(call);
  const name = Object.keys(call.body)[0] ?? '';
  const action = actions[name];
  if (!action) throw noAction(name);
  return action(call, volume);
}
