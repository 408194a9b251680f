import type { Site } from '../core/site.ts';
import { badRequest, forbidden, notFound } from '../errors.ts';
import { accepted, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { copyOf } from '../storage/sparse.ts';
import { bodyObject, find, flag, heldByFullStorage, later, noAction, ownProject, requiredText, stamp, stringMap, text, type CinderCall } from './common.ts';
import { hasMetadata, list } from './list.ts';
import { charge, release, typed } from './quota.ts';
import type { CinderState, Snapshot, Volume } from './state.ts';
import { timing } from './timing.ts';
import { findVolume } from './volumes.ts';

export const findSnapshot = (call: CinderCall, id = call.params['id'] ?? ''): Snapshot => find(call, call.state.snapshots, id, 'Snapshot');

export function snapshotView(call: CinderCall, s: Snapshot, bare = false): Json {
  return {
    id: s.id, created_at: stamp(s.createdAt), updated_at: stamp(s.updatedAt), name: s.name, description: s.description, volume_id: s.volumeId, status: s.status, size: s.size, metadata: s.metadata,
    ...(bare ? {} : { 'os-extended-snapshot-attributes:progress': s.progress, 'os-extended-snapshot-attributes:project_id': s.projectId }),
    ...(call.micro >= 14 ? { group_snapshot_id: s.groupSnapshotId } : {}),
    ...(call.micro >= 41 ? { user_id: s.userId } : {}),
    ...(call.micro >= 65 ? { consumes_quota: true } : {}),
  };
}

function listSnapshots(call: CinderCall): Answer {
  return list(call, {
    key: 'snapshots', what: 'Snapshot', items: call.state.snapshots.values(), view: (s) => snapshotView(call, s), projectOf: (s) => s.projectId, createdAt: (s) => s.createdAt,
    filters: { name: (s, x) => s.name === x, status: (s, x) => s.status === x, volume_id: (s, x) => s.volumeId === x, 'name~': (s, x) => s.name?.includes(x) === true, metadata: (s, x) => hasMetadata(s.metadata, x) },
  });
}

export interface SnapshotWish {
  readonly projectId: string;
  readonly userId: string;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly metadata?: Record<string, string>;
  readonly groupSnapshotId?: string;
}

/** The row of a new snapshot; what is asked of the storage is the caller's matter. Quota is charged by the caller, too. */
export function newSnapshot(site: Site, state: CinderState, volume: Volume, wish: SnapshotWish): Snapshot {
  const snapshot: Snapshot = {
    id: site.random.uuid(), projectId: wish.projectId, userId: wish.userId, createdAt: site.now(), updatedAt: undefined, name: wish.name ?? null, description: wish.description ?? null, volumeId: volume.id, status: 'creating', size: volume.size,
    typeId: volume.typeId, groupSnapshotId: wish.groupSnapshotId ?? null, metadata: wish.metadata ?? {}, progress: '0%', data: undefined,
  };
  state.snapshots.set(snapshot.id, snapshot);
  return snapshot;
}

/** The data of this moment. */
export function captureNow(site: Site, volume: Volume, snapshot: Snapshot): void {
  site.parts.guests?.flush(volume.id);
  snapshot.data = copyOf(volume.data);
}

export function settle(site: Site, snapshot: Snapshot, failed: string | undefined): void {
  snapshot.status = failed === undefined ? 'available' : 'error';
  if (failed === undefined) snapshot.progress = '100%';
  snapshot.updatedAt = site.now();
}

/** @throws ApiError 400, 413 */
export function createSnapshot(site: Site, state: CinderState, volume: Volume, wish: SnapshotWish, inUseToo: boolean, ready: (s: Snapshot) => void = () => undefined): Snapshot {
  if (volume.host === undefined) throw badRequest('Invalid volume: The snapshot cannot be created because volume has not been scheduled to any host.');
  if (volume.status === 'error') throw badRequest('Invalid volume: The snapshot cannot be created when the volume is in error status.');
  const valid = inUseToo ? ['available', 'in-use'] : ['available'];
  if (!valid.includes(volume.status)) throw badRequest(`Invalid volume: Volume ${volume.id} status must be ${valid.join(', ')}, but current status is: ${volume.status}.`);
  charge(state, wish.projectId, 'snapshots', typed(state, volume.typeId, { snapshots: 1, gigabytes: volume.size }), volume.size);
  const snapshot = newSnapshot(site, state, volume, wish);
  if (state.services.some((s) => s.binary === 'cinder-volume' && s.deadSince !== undefined)) return snapshot;
  // Ceph takes it in the middle of what Cinder does around it.
  site.work(timing.snapshot / 3, () => state.volumes.has(volume.id) && captureNow(site, volume, snapshot));
  later(site, 'snapshot', timing.snapshot, (failed) => {
    if (snapshot.status !== 'creating') return;
    if (!snapshot.data) captureNow(site, volume, snapshot);
    settle(site, snapshot, failed ?? (site.storageFull ? 'full' : undefined));
    ready(snapshot);
  });
  return snapshot;
}

function create(call: CinderCall): Answer {
  const body = bodyObject(call, 'snapshot');
  const volume = findVolume(call, requiredText(body, 'volume_id'));
  const forced = 'force' in body && flag(body, 'force');
  if (call.micro >= 66 && 'force' in body && !forced) throw badRequest("Invalid input received: Since microversion 3.66 the 'force' flag is invalid for this request. For backward compatability, however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored.");
  const snapshot = createSnapshot(call.site, call.state, volume, { projectId: ownProject(call), userId: call.token.userId, name: text(body, 'name'), description: text(body, 'description'), metadata: stringMap(body, 'metadata') }, call.micro >= 66 || forced);
  return accepted({ snapshot: snapshotView(call, snapshot, true) });
}

export function forgetSnapshot(state: CinderState, s: Snapshot): void {
  state.snapshots.delete(s.id);
  release(state, s.projectId, typed(state, s.typeId, { snapshots: 1, gigabytes: s.size }));
}

function remove(call: CinderCall, snapshot: Snapshot, force = false): Answer {
  if (snapshot.groupSnapshotId !== null || (!force && !['available', 'error'].includes(snapshot.status))) {
    throw badRequest(`Invalid snapshot: Snapshot ${force ? '' : 'status must be available or error and '}must not be part of a group.`);
  }
  snapshot.status = 'deleting';
  runSnapshotDelete(call.site, call.state, snapshot);
  return { status: 202 };
}

export function runSnapshotDelete(site: Site, state: CinderState, snapshot: Snapshot): void {
  if (state.services.some((s) => s.binary === 'cinder-volume' && s.deadSince !== undefined)) return;
  later(site, 'snapshot-delete', timing.deleteSnapshot, (failed) => {
    if (snapshot.status !== 'deleting') return;
    if (failed === undefined && heldByFullStorage(site, () => runSnapshotDelete(site, state, snapshot))) return;
    if (failed === undefined) forgetSnapshot(state, snapshot);
    else snapshot.status = 'error_deleting';
  });
}

const statuses = ['error', 'available', 'creating', 'deleting', 'deleted', 'updating', 'error_deleting', 'unmanaging', 'backing-up', 'restoring'];

function action(call: CinderCall): Answer {
  const snapshot = findSnapshot(call);
  if (!call.token.admin) throw forbidden("Policy doesn't allow volume_extension:snapshot_admin_actions:reset_status to be performed.");
  if ('os-reset_status' in call.body) {
    const status = requiredText(bodyObject(call, 'os-reset_status'), 'status');
    if (!statuses.includes(status)) throw badRequest(`Snapshot status: ${status} is invalid, valid statuses are: ('${statuses.join("', '")}').`);
    snapshot.status = status;
    snapshot.updatedAt = call.site.now();
    return { status: 202 };
  }
  if ('os-force_delete' in call.body) return remove(call, snapshot, true);
  throw noAction(Object.keys(call.body)[0] ?? '');
}

function update(call: CinderCall): Answer {
  const snapshot = findSnapshot(call);
  const body = bodyObject(call, 'snapshot');
  if ('name' in body) snapshot.name = text(body, 'name') ?? null;
  if ('description' in body) snapshot.description = text(body, 'description') ?? null;
  snapshot.updatedAt = call.site.now();
  return ok({ snapshot: snapshotView(call, snapshot, true) });
}

export const snapshotRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/snapshots', handler: listSnapshots },
  { method: 'GET', path: '/snapshots/detail', handler: listSnapshots },
  { method: 'POST', path: '/snapshots', rule: 'volume:create_snapshot', handler: create },
  { method: 'GET', path: '/snapshots/:id', handler: (call) => ok({ snapshot: snapshotView(call, findSnapshot(call)) }) },
  { method: 'PUT', path: '/snapshots/:id', rule: 'volume:update_snapshot', handler: update },
  { method: 'DELETE', path: '/snapshots/:id', rule: 'volume:delete_snapshot', handler: (call) => remove(call, findSnapshot(call)) },
  { method: 'POST', path: '/snapshots/:id/action', handler: action },
  { method: 'GET', path: '/snapshots/:id/metadata', handler: (call) => ok({ metadata: findSnapshot(call).metadata }) },
  { method: 'POST', path: '/snapshots/:id/metadata', handler: (call) => {
    const snapshot = findSnapshot(call);
    snapshot.metadata = { ...snapshot.metadata, ...stringMap(call.body, 'metadata') };
    return ok({ metadata: snapshot.metadata });
  } },
  { method: 'DELETE', path: '/snapshots/:id/metadata/:key', handler: (call) => {
    const snapshot = findSnapshot(call);
    const key = call.params['key'] ?? '';
    if (snapshot.metadata[key] === undefined) throw notFound(`Snapshot ${snapshot.id} has no metadata with key ${key}.`);
    const { [key]: _gone, ...rest } = snapshot.metadata;
    snapshot.metadata = rest;
    return { status: 200 };
  } },
];
