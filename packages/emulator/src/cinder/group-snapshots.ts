import { ApiError, badRequest } from '../errors.ts';
import { accepted, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { bodyObject, find, heldByFullStorage, later, noAction, ownProject, requiredText, stamp, text, type CinderCall } from './common.ts';
import { findGroup, volumesOf } from './groups.ts';
import { list } from './list.ts';
import { charge, typed } from './quota.ts';
import { captureNow, forgetSnapshot, newSnapshot, settle } from './snapshots.ts';
import type { CinderState, GroupSnapshot } from './state.ts';
import { timing } from './timing.ts';
import { dead } from './volume-create.ts';

const findOne = (call: CinderCall): GroupSnapshot => find(call, call.state.groupSnapshots, call.params['id'] ?? '', 'GroupSnapshot');
const summary = (g: GroupSnapshot): Json => ({ id: g.id, name: g.name, group_type_id: g.groupTypeId });

function detail(call: CinderCall, g: GroupSnapshot): Json {
  return {
    id: g.id, group_id: g.groupId, group_type_id: g.groupTypeId, status: g.status, created_at: stamp(g.createdAt), name: g.name, description: g.description,
    ...(call.micro >= 58 && call.token.admin ? { project_id: g.projectId } : {}),
  };
}

function listThem(call: CinderCall, view: (g: GroupSnapshot) => Json): Answer {
  return list(call, {
    key: 'group_snapshots', what: 'GroupSnapshot', items: call.state.groupSnapshots.values(), view, projectOf: (g) => g.projectId, createdAt: (g) => g.createdAt,
    filters: { name: (g, x) => g.name === x, status: (g, x) => g.status === x, group_id: (g, x) => g.groupId === x },
  });
}

/** Ceph has no group snapshot of its own: its volumes are taken one after another, and only a freeze makes that one moment. */
function create(call: CinderCall): Answer {
  const { state, site, token } = call;
  const body = bodyObject(call, 'group_snapshot');
  const group = findGroup(call, requiredText(body, 'group_id'));
  const volumes = volumesOf(state, group.id);
  if (volumes.length === 0) throw badRequest(`Invalid Group: Group ${group.id} does not have any volumes.`);
  const failing = volumes.find((v) => v.status === 'error');
  if (failing) throw badRequest('Invalid volume: The snapshot cannot be created when the volume is in error status.');
  const projectId = ownProject(call);
  const wanted: Record<string, number> = {};
  for (const v of volumes) for (const [key, n] of Object.entries(typed(state, v.typeId, { snapshots: 1, gigabytes: v.size }))) wanted[key] = (wanted[key] ?? 0) + n;
  charge(state, projectId, 'snapshots', wanted, wanted['gigabytes'] ?? 0);
  const made: GroupSnapshot = { id: site.random.uuid(), projectId, userId: token.userId, createdAt: site.now(), updatedAt: undefined, name: text(body, 'name') ?? null, description: text(body, 'description') ?? null, groupId: group.id, groupTypeId: group.typeId, status: 'creating' };
  state.groupSnapshots.set(made.id, made);
  const pairs = volumes.map((volume) => ({ volume, snapshot: newSnapshot(site, state, volume, { projectId, userId: token.userId, name: made.name ?? undefined, description: made.description ?? undefined, groupSnapshotId: made.id }) }));
  if (dead(state, 'cinder-volume')) return accepted({ group_snapshot: summary(made) });
  const { base, perVolume } = timing.groupSnapshot;
  if (site.failing('lost:group-snapshot') !== undefined) return accepted({ group_snapshot: summary(made) });
  const next = (n: number): void => {
    const pair = pairs[n];
    if (!pair) return finish();
    site.work(perVolume, () => {
      if (state.volumes.has(pair.volume.id)) captureNow(site, pair.volume, pair.snapshot);
      next(n + 1);
    });
  };
  const finish = (): void => {
    site.work(base / 2, () => {
      if (made.status !== 'creating') return;
      const failed = site.failing('group-snapshot') ?? (site.storageFull ? 'full' : undefined);
      for (const { snapshot } of pairs) if (snapshot.status === 'creating') settle(site, snapshot, failed);
      made.status = failed === undefined ? 'available' : 'error';
      made.updatedAt = site.now();
    });
  };
  site.work(base / 2, () => next(0));
  return accepted({ group_snapshot: summary(made) });
}

function remove(call: CinderCall): Answer {
  const { state, site } = call;
  const found = findOne(call);
  if (!['available', 'error'].includes(found.status)) throw badRequest('Invalid GroupSnapshot: GroupSnapshot status must be available or error, and no Group can be currently using it as source for its creation.');
  found.status = 'deleting';
  for (const s of state.snapshots.values()) if (s.groupSnapshotId === found.id) s.status = 'deleting';
  if (!dead(state, 'cinder-volume')) runGroupSnapshotDelete(site, state, found);
  return { status: 202 };
}

export function runGroupSnapshotDelete(site: CinderCall['site'], state: CinderState, found: GroupSnapshot): void {
  const inside = [...state.snapshots.values()].filter((s) => s.groupSnapshotId === found.id);
  later(site, 'group-snapshot-delete', timing.deleteGroupSnapshot.base + timing.deleteGroupSnapshot.perVolume * inside.length, (failed) => {
    if (found.status !== 'deleting') return;
    if (failed === undefined && heldByFullStorage(site, () => runGroupSnapshotDelete(site, state, found))) return;
    if (failed !== undefined) {
      found.status = 'error';
      return;
    }
    for (const s of inside) if (state.snapshots.has(s.id)) forgetSnapshot(state, s);
    state.groupSnapshots.delete(found.id);
  });
}

function action(call: CinderCall): Answer {
  const found = findOne(call);
  if (!('reset_status' in call.body)) throw noAction(Object.keys(call.body)[0] ?? '');
  if (!call.token.admin) throw new ApiError(403, "Policy doesn't allow group:reset_group_snapshot_status to be performed.");
  const status = requiredText(bodyObject(call, 'reset_status'), 'status');
  if (!['available', 'creating', 'deleting', 'error', 'error_deleting', 'updating'].includes(status)) throw badRequest(`Invalid input for field/attribute status. Value: ${status}.`);
  found.status = status;
  return { status: 202 };
}

function update(call: CinderCall): Answer {
  const found = findOne(call);
  const body = bodyObject(call, 'group_snapshot');
  if ('name' in body) found.name = text(body, 'name') ?? null;
  if ('description' in body) found.description = text(body, 'description') ?? null;
  return { status: 202, body: { group_snapshot: summary(found) } };
}

export const groupSnapshotRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/group_snapshots', since: 14, handler: (call) => listThem(call, summary) },
  { method: 'GET', path: '/group_snapshots/detail', since: 14, handler: (call) => listThem(call, (g) => detail(call, g)) },
  { method: 'POST', path: '/group_snapshots', since: 14, rule: 'group:create_group_snapshot', handler: create },
  { method: 'GET', path: '/group_snapshots/:id', since: 14, handler: (call) => ok({ group_snapshot: detail(call, findOne(call)) }) },
  { method: 'PUT', path: '/group_snapshots/:id', since: 14, rule: 'group:update_group_snapshot', handler: update },
  { method: 'DELETE', path: '/group_snapshots/:id', since: 14, rule: 'group:delete_group_snapshot', handler: remove },
  { method: 'POST', path: '/group_snapshots/:id/action', since: 19, handler: action },
];
