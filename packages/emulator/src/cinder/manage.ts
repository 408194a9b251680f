import { badRequest, notFound } from '../errors.ts';
import { accepted, ok, type Answer, type Route } from '../http/service.ts';
import { copyOf } from '../storage/sparse.ts';
import { bodyObject, flag, later, ownProject, requiredText, stringMap, text, type CinderCall } from './common.ts';
import { charge, typed } from './quota.ts';
import { GIB, type CinderState, type Volume } from './state.ts';
import { timing } from './timing.ts';
import { defaultType } from './volume-create.ts';
import { volumeView } from './volume-view.ts';
import { typeNamed } from './volumes.ts';

/** Takes what lies on the storage over as a volume; Ceph renames the image. */
function manage(call: CinderCall): Answer {
  const { state, site, token } = call;
  const body = bodyObject(call, 'volume');
  const host = requiredText(body, 'host');
  const service = state.services.find((s) => s.binary === 'cinder-volume' && s.host === host.split('#')[0]);
  if (!service) throw notFound(`Service cinder-volume could not be found on host ${host}.`);
  const ref = bodyObject({ body }, 'ref');
  const source = text(ref, 'source-name');
  if (source === undefined) throw badRequest(`Invalid input for field/attribute ref. Value: {}. 'source-name' is a required property`);
  // Before anything is looked at, as Cinder does.
  if ([...state.volumes.values()].some((v) => source === `volume-${v.id}`)) throw badRequest('Unable to manage existing volume. The volume is already managed');
  const typeName = text(body, 'volume_type');
  const type = typeName === undefined ? defaultType(state) : typeNamed(state, typeName);
  const found = state.unmanaged.get(source);
  const size = found ? Math.ceil(found.data.size / GIB) : 0;
  const projectId = ownProject(call);
  charge(state, projectId, 'volumes', typed(state, type.id, { volumes: 1, gigabytes: size }), size);
  const volume: Volume = {
    id: site.random.uuid(), projectId, userId: token.userId, createdAt: site.now(), updatedAt: undefined, name: text(body, 'name') ?? null, description: text(body, 'description') ?? null, status: 'creating', previousStatus: 'creating', size,
    typeId: type.id, zone: text(body, 'availability_zone') ?? 'nova', bootable: flag(body, 'bootable'), metadata: stringMap(body, 'metadata'), imageMetadata: undefined, snapshotId: null, sourceVolumeId: null, groupId: null,
    host: host.includes('#') ? host : `${host}#${state.backend.pool}`, readonlyFlag: undefined, multiattach: false, data: copyOf(found?.data ?? { size: 0, gen: 0, mapGen: 0, blocks: new Map() }),
  };
  state.volumes.set(volume.id, volume);
  if (service.deadSince === undefined) {
    later(site, 'volume-manage', timing.manage, (failed) => {
      if (volume.status !== 'creating') return;
      const image = state.rbdImages.get(source);
      // A copy of another site's image is read-only: Cinder's driver fails, and leaves a volume of size 0 in error.
      const readOnly = image?.mirror?.primary === false;
      volume.status = failed === undefined && found && !readOnly ? 'available' : 'error';
      if (volume.status === 'available') {
        state.unmanaged.delete(source);
        state.rbdImages.delete(source);
        if (image) state.rbdImages.set(`volume-${volume.id}`, image);
      } else if (readOnly) volume.size = 0;
      volume.updatedAt = site.now();
    });
  }
  // Cinder's view of it is that of version 3.0, and its size is not known yet.
  return accepted({ volume: { ...volumeView({ ...call, micro: 0 }, volume, true), size: 0 } });
}

const listManageable = (call: CinderCall): Answer => {
  const mine = [...call.state.volumes.values()].map((v) => ({ reference: { 'source-name': `volume-${v.id}` }, size: v.size, safe_to_manage: false }));
  const others = [...call.state.unmanaged.values()].map((u) => ({ reference: { 'source-name': u.name }, size: Math.ceil(u.data.size / GIB), safe_to_manage: true }));
  return ok({ 'manageable-volumes': [...mine, ...others] });
};

export const manageRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/manageable_volumes', since: 8, policy: 'admin', rule: 'volume_extension:list_manageable', handler: listManageable },
  { method: 'GET', path: '/manageable_volumes/detail', since: 8, policy: 'admin', rule: 'volume_extension:list_manageable', handler: listManageable },
  { method: 'POST', path: '/manageable_volumes', since: 8, policy: 'admin', rule: 'volume_extension:volume_manage', handler: manage },
  { method: 'POST', path: '/os-volume-manage', policy: 'admin', rule: 'volume_extension:volume_manage', handler: manage },
];
