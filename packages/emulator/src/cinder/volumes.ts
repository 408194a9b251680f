import type { Site } from '../core/site.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import { accepted, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { findBackup } from './backup-view.ts';
import { bodyObject, find, flag, heldByFullStorage, later, onlyFields, ownProject, requiredText, stringMap, text, wholeNumber, type CinderCall } from './common.ts';
import { hasMetadata, isTrue, list } from './list.ts';
import { release, typed } from './quota.ts';
import type { CinderState, Type, Volume } from './state.ts';
import { timing } from './timing.ts';
import { createVolume } from './volume-create.ts';
import { volumeAction } from './volume-actions.ts';
import { volumeSummary, volumeView } from './volume-view.ts';

export const findVolume = (call: CinderCall, id = call.params['id'] ?? ''): Volume => find(call, call.state.volumes, id, 'Volume');

/** By name or id. @throws ApiError 404 */
export function typeNamed(state: CinderState, nameOrId: string): Type {
  const found = state.types.get(nameOrId) ?? [...state.types.values()].find((t) => t.name === nameOrId);
  if (!found) throw notFound(/^[0-9a-f-]{36}$/.test(nameOrId) ? `Volume type ${nameOrId} could not be found.` : `Volume type with name ${nameOrId} could not be found.`);
  return found;
}

function listVolumes(call: CinderCall, view: (call: CinderCall, v: Volume) => Json): Answer {
  return list(call, {
    key: 'volumes', what: 'Volume', items: call.state.volumes.values(), view: (v) => view(call, v), projectOf: (v) => v.projectId, createdAt: (v) => v.createdAt,
    filters: {
      name: (v, x) => v.name === x, status: (v, x) => v.status === x, 'name~': (v, x) => v.name?.includes(x) === true, metadata: (v, x) => hasMetadata(v.metadata, x),
      group_id: (v, x) => v.groupId === x, availability_zone: (v, x) => v.zone === x, bootable: (v, x) => String(v.bootable) === x.toLowerCase(), size: (v, x) => String(v.size) === x, id: (v, x) => v.id === x,
      volume_type_id: (v, x) => v.typeId === x,
    },
  });
}

function create(call: CinderCall): Answer {
  const { state, site, token } = call;
  const body = bodyObject(call, 'volume');
  onlyFields(body, 'volume', ['name', 'description', 'display_name', 'display_description', 'volume_type', 'metadata', 'snapshot_id', 'source_volid', 'consistencygroup_id', 'size', 'availability_zone', 'multiattach', 'image_id', 'imageRef', 'group_id', 'backup_id', 'scheduler_hints', 'OS-SCH-HNT:scheduler_hints', 'tenant_id', 'project_id', 'user_id', 'status', 'attach_status']);
  const typeName = text(body, 'volume_type');
  const type = typeName === undefined || typeName === '' ? undefined : typeNamed(state, typeName);
  const snapshotId = text(body, 'snapshot_id');
  const snapshot = snapshotId === undefined ? undefined : find(call, state.snapshots, snapshotId, 'Snapshot');
  const sourceId = text(body, 'source_volid');
  const source = sourceId === undefined ? undefined : findVolume(call, sourceId);
  const groupId = call.micro >= 13 ? text(body, 'group_id') : undefined;
  const group = groupId === undefined ? undefined : find(call, state.groups, groupId, 'Group');
  const backupId = call.micro >= 47 ? text(body, 'backup_id') : undefined;
  const backup = backupId === undefined ? undefined : findBackup(call, backupId);
  if (flag(body, 'multiattach')) throw badRequest('multiattach parameter has been removed. The default behavior is to use multiattach enabled volume types. Contact your administrator to create a multiattach enabled volume type and use it to create multiattach volumes.');
  if (group && !type && !snapshot && !source) throw badRequest('Invalid input received: volume_type must be provided when creating a volume in a group.');
  const volume = createVolume(site, state, {
    projectId: ownProject(call), userId: token.userId, name: text(body, 'name'), description: text(body, 'description'), size: wholeNumber(body, 'size'), type, zone: text(body, 'availability_zone'),
    metadata: stringMap(body, 'metadata'), snapshot, source, backup, groupId: group?.id, imageId: text(body, 'imageRef') ?? text(body, 'image_id'),
  });
  return accepted({ volume: volumeView(call, volume, true) });
}

const deletable = ['available', 'error', 'error_restoring', 'error_extending', 'error_managing'];

/** @throws ApiError 400 in Cinder's words */
export function deleteVolume(site: Site, state: CinderState, volume: Volume, { cascade = false, force = false } = {}): void {
  const attached = [...state.attachments.values()].some((a) => a.volumeId === volume.id && a.status === 'attached');
  const snapshots = [...state.snapshots.values()].filter((s) => s.volumeId === volume.id);
  const stateOk = force || deletable.includes(volume.status);
  const snapshotsOk = cascade ? snapshots.every((s) => s.groupSnapshotId === null && (force || ['available', 'error', 'deleting'].includes(s.status))) : snapshots.length === 0;
  if (!stateOk || attached || volume.groupId !== null || !snapshotsOk) {
    throw badRequest(`Invalid volume: Volume ${force ? '' : `status must be ${deletable.join(' or ')} and `}must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.`);
  }
  volume.status = 'deleting';
  for (const s of snapshots) s.status = 'deleting';
  runDelete(site, state, volume);
}

export function runDelete(site: Site, state: CinderState, volume: Volume): void {
  if (state.services.some((s) => s.binary === 'cinder-volume' && s.deadSince !== undefined)) return;
  // One that no back end took is gone at once.
  later(site, 'volume-delete', volume.host === undefined ? 0 : timing.deleteVolume, (failed) => {
    if (volume.status !== 'deleting' && volume.status !== 'unmanaging') return;
    if (failed === undefined && volume.host !== undefined && heldByFullStorage(site, () => runDelete(site, state, volume))) return;
    if (failed !== undefined) {
      volume.status = 'error_deleting';
      return;
    }
    for (const s of [...state.snapshots.values()].filter((x) => x.volumeId === volume.id)) {
      state.snapshots.delete(s.id);
      release(state, s.projectId, typed(state, s.typeId, { snapshots: 1, gigabytes: s.size }));
    }
    for (const a of [...state.attachments.values()]) if (a.volumeId === volume.id) state.attachments.delete(a.id);
    state.volumes.delete(volume.id);
    // What was unmanaged stays on the storage.
    if (!state.unmanaged.has(`volume-${volume.id}`)) state.rbdImages.delete(`volume-${volume.id}`);
    release(state, volume.projectId, typed(state, volume.typeId, { volumes: 1, gigabytes: volume.size }));
  });
}

function update(call: CinderCall): Answer {
  const volume = findVolume(call);
  const body = bodyObject(call, 'volume');
  const known = ['name', 'display_name', 'description', 'display_description', 'metadata'].filter((f) => f in body);
  if (known.length === 0) throw badRequest(`Invalid input for field/attribute volume. Value: ${JSON.stringify(body)}. At least one property is required.`);
  if ('name' in body || 'display_name' in body) volume.name = text(body, 'name') ?? text(body, 'display_name') ?? null;
  if ('description' in body || 'display_description' in body) volume.description = text(body, 'description') ?? text(body, 'display_description') ?? null;
  if ('metadata' in body) volume.metadata = stringMap(body, 'metadata');
  volume.updatedAt = call.site.now();
  return ok({ volume: volumeView(call, volume, true) });
}

function setMetadata(call: CinderCall, replace: boolean): Answer {
  const volume = findVolume(call);
  const given = stringMap(call.body, 'metadata');
  volume.metadata = replace ? given : { ...volume.metadata, ...given };
  volume.updatedAt = call.site.now();
  return ok({ metadata: volume.metadata });
}

function metadataItem(call: CinderCall, volume: Volume): string {
  const key = call.params['key'] ?? '';
  const value = volume.metadata[key];
  if (value === undefined) throw notFound(`Volume ${volume.id} has no metadata with key ${key}.`);
  return value;
}

function deleteMetadata(call: CinderCall): Answer {
  const volume = findVolume(call);
  metadataItem(call, volume);
  const { [call.params['key'] ?? '']: _gone, ...rest } = volume.metadata;
  volume.metadata = rest;
  return { status: 200 };
}

function summaryOfAll(call: CinderCall): Answer {
  const mine = [...call.state.volumes.values()].filter((v) => v.projectId === call.token.projectId);
  return ok({ 'volume-summary': { total_count: mine.length, total_size: mine.reduce((n, v) => n + v.size, 0), ...(call.micro >= 36 ? { metadata: {} } : {}) } });
}

function remove(call: CinderCall): Answer {
  const force = call.micro >= 23 && isTrue(call.query.get('force'));
  if (force && !call.token.admin) throw conflict('not allowed');
  deleteVolume(call.site, call.state, findVolume(call), { cascade: isTrue(call.query.get('cascade')), force });
  return { status: 202 };
}

export const volumeRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/volumes', rule: 'volume:get_all', handler: (call) => listVolumes(call, volumeSummary) },
  { method: 'GET', path: '/volumes/detail', rule: 'volume:get_all', handler: (call) => listVolumes(call, volumeView) },
  { method: 'GET', path: '/volumes/summary', since: 12, handler: summaryOfAll },
  { method: 'POST', path: '/volumes', rule: 'volume:create', handler: create },
  { method: 'GET', path: '/volumes/:id', rule: 'volume:get', handler: (call) => ok({ volume: volumeView(call, findVolume(call)) }) },
  { method: 'PUT', path: '/volumes/:id', rule: 'volume:update', handler: update },
  { method: 'DELETE', path: '/volumes/:id', rule: 'volume:delete', handler: remove },
  { method: 'POST', path: '/volumes/:id/action', rule: 'volume_extension:volume_actions', handler: volumeAction },
  { method: 'GET', path: '/volumes/:id/metadata', handler: (call) => ok({ metadata: findVolume(call).metadata }) },
  { method: 'POST', path: '/volumes/:id/metadata', handler: (call) => setMetadata(call, false) },
  { method: 'PUT', path: '/volumes/:id/metadata', handler: (call) => setMetadata(call, true) },
  { method: 'GET', path: '/volumes/:id/metadata/:key', handler: (call) => ok({ meta: { [call.params['key'] ?? '']: metadataItem(call, findVolume(call)) } }) },
  { method: 'PUT', path: '/volumes/:id/metadata/:key', handler: (call) => {
    const volume = findVolume(call);
    const key = call.params['key'] ?? '';
    volume.metadata = { ...volume.metadata, [key]: requiredText(bodyObject(call, 'meta'), key) };
    return ok({ meta: { [key]: volume.metadata[key] } });
  } },
  { method: 'DELETE', path: '/volumes/:id/metadata/:key', handler: deleteMetadata },
];
