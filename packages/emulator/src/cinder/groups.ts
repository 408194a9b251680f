import { ApiError, badRequest, notFound } from '../errors.ts';
import { accepted, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { copyOf } from '../storage/sparse.ts';
import { bodyObject, find, flag, later, noAction, ownProject, requiredText, stamp, text, type CinderCall } from './common.ts';
import { isReserved } from './group-types.ts';
import { isTrue, list } from './list.ts';
import { charge, release } from './quota.ts';
import type { CinderState, Group, Type, Volume } from './state.ts';
import { timing } from './timing.ts';
import { createVolume, dead } from './volume-create.ts';
import { runDelete, typeNamed } from './volumes.ts';

const invalidGroup = (reason: string): ApiError => badRequest(`Invalid Group: ${reason}`);
const invalidVolume = (reason: string): ApiError => badRequest(`Invalid volume: ${reason}`);

export const findGroup = (call: CinderCall, id = call.params['id'] ?? ''): Group => find(call, call.state.groups, id, 'Group');

export const volumesOf = (state: CinderState, groupId: string): Volume[] => [...state.volumes.values()].filter((v) => v.groupId === groupId);

export function groupTypeNamed(state: CinderState, nameOrId: string): Type {
  const found = state.groupTypes.get(nameOrId) ?? [...state.groupTypes.values()].find((t) => t.name === nameOrId);
  if (!found) throw notFound(/^[0-9a-f-]{36}$/.test(nameOrId) ? `Group type ${nameOrId} could not be found.` : `Group type with name ${nameOrId} could not be found.`);
  return found;
}

const summary = (g: Group): Json => ({ id: g.id, name: g.name });

function detail(call: CinderCall, g: Group): Json {
  return {
    id: g.id, status: g.status, availability_zone: g.zone, created_at: stamp(g.createdAt), name: g.name, description: g.description, group_type: g.typeId, volume_types: g.volumeTypeIds,
    ...(call.micro >= 14 ? { group_snapshot_id: g.groupSnapshotId, source_group_id: g.sourceGroupId } : {}),
    ...(call.micro >= 25 && isTrue(call.query.get('list_volume')) ? { volumes: volumesOf(call.state, g.id).map((v) => v.id) } : {}),
    ...(call.micro >= 38 ? { replication_status: 'disabled' } : {}),
    ...(call.micro >= 58 && call.token.admin ? { project_id: g.projectId } : {}),
  };
}

function listGroups(call: CinderCall, view: (g: Group) => Json): Answer {
  return list(call, {
    key: 'groups', what: 'Group', items: call.state.groups.values(), view, projectOf: (g) => g.projectId, createdAt: (g) => g.createdAt,
    filters: { name: (g, x) => g.name === x, status: (g, x) => g.status === x, group_type: (g, x) => g.typeId === x },
  });
}

function newGroup(call: CinderCall, fields: Pick<Group, 'name' | 'description' | 'typeId' | 'volumeTypeIds' | 'groupSnapshotId' | 'sourceGroupId'>): Group {
  const { state, site, token } = call;
  const projectId = ownProject(call);
  charge(state, projectId, 'groups', { groups: 1 });
  const group: Group = { id: site.random.uuid(), projectId, userId: token.userId, createdAt: site.now(), updatedAt: undefined, status: 'creating', zone: 'nova', ...fields };
  state.groups.set(group.id, group);
  return group;
}

function create(call: CinderCall): Answer {
  const { state, site } = call;
  const body = bodyObject(call, 'group');
  const given = body['volume_types'];
  if (!Array.isArray(given) || given.length === 0) throw badRequest("'volume_types' is a required property");
  const type = groupTypeNamed(state, requiredText(body, 'group_type'));
  if (isReserved(type)) throw badRequest(`Group_type ${text(body, 'group_type') ?? ''} is reserved for migrating CGs to groups. Migrated group can only be operated by CG APIs.`);
  const volumeTypeIds = given.map((name) => typeNamed(state, String(name)).id);
  const group = newGroup(call, { name: text(body, 'name') ?? null, description: text(body, 'description') ?? null, typeId: type.id, volumeTypeIds, groupSnapshotId: null, sourceGroupId: null });
  if (!dead(state, 'cinder-volume')) {
    later(site, 'group-create', timing.createGroup, (failed) => {
      if (group.status === 'creating') group.status = failed === undefined ? 'available' : 'error';
    });
  }
  return accepted({ group: summary(group) });
}

/** A group with volumes of its own, each from a snapshot or from a volume of the source. */
function createFromSource(call: CinderCall): Answer {
  const { state, site, token } = call;
  const body = bodyObject(call, 'create-from-src');
  const snapshotId = text(body, 'group_snapshot_id');
  const sourceId = text(body, 'source_group_id');
  if ((snapshotId === undefined) === (sourceId === undefined)) throw badRequest(snapshotId === undefined ? "Either 'group_snapshot_id' or 'source_group_id' must be provided to create group from source." : "Cannot provide both 'group_snapshot_id' and 'source_group_id' to create group from source.");
  const groupSnapshot = snapshotId === undefined ? undefined : find(call, state.groupSnapshots, snapshotId, 'GroupSnapshot');
  const source = findGroup(call, groupSnapshot?.groupId ?? sourceId);
  const snapshots = groupSnapshot ? [...state.snapshots.values()].filter((s) => s.groupSnapshotId === groupSnapshot.id) : [];
  const volumes = groupSnapshot ? [] : volumesOf(state, source.id);
  if (groupSnapshot && snapshots.length === 0) throw invalidGroup('Group snapshot is empty. No group will be created.');
  if (!groupSnapshot && volumes.length === 0) throw invalidGroup('Source Group is empty. No group will be created.');
  const group = newGroup(call, { name: text(body, 'name') ?? null, description: text(body, 'description') ?? null, typeId: source.typeId, volumeTypeIds: [...source.volumeTypeIds], groupSnapshotId: snapshotId ?? null, sourceGroupId: sourceId ?? null });
  const owner = { projectId: group.projectId, userId: token.userId, groupId: group.id };
  const made = [...snapshots.map((snapshot) => createVolume(site, state, { ...owner, snapshot })), ...volumes.map((v) => createVolume(site, state, { ...owner, source: v }))];
  later(site, 'group-create', timing.groupFromSource.base + timing.groupFromSource.perVolume * made.length, (failed) => {
    if (group.status === 'creating') group.status = failed === undefined ? 'available' : 'error';
    for (const [n, v] of made.entries()) if (v.status === 'creating' && failed === undefined) Object.assign(v, { data: copyOf(snapshots[n]?.data ?? volumes[n]?.data ?? v.data), status: 'available' });
  });
  return accepted({ group: summary(group) });
}

const addable = ['available', 'in-use'];
const removable = ['available', 'in-use', 'error', 'error_deleting'];
const pythonList = (items: readonly string[]): string => `(${items.map((i) => `'${i}'`).join(', ')})`;

function checkAdd(call: CinderCall, group: Group, id: string): Volume {
  const volume = call.state.volumes.get(id);
  if (!volume || (!call.token.admin && volume.projectId !== call.token.projectId)) throw invalidVolume(`Cannot add volume ${id} to group ${group.id} because volume cannot be found.`);
  if (volume.groupId !== null) throw invalidVolume(`Cannot add volume ${id} to group ${group.id} because it is already in group ${volume.groupId}.`);
  if (volume.projectId !== group.projectId) throw invalidVolume(`Cannot add volume ${id} to group ${group.id} as they belong to different projects.`);
  if (!group.volumeTypeIds.includes(volume.typeId)) throw invalidVolume(`Cannot add volume ${id} to group ${group.id} because volume type ${volume.typeId} is not supported by the group.`);
  if (!addable.includes(volume.status)) throw invalidVolume(`Cannot add volume ${id} to group ${group.id} because volume is in an invalid state: ${volume.status}. Valid states are: ${pythonList(addable)}.`);
  return volume;
}

function checkRemove(call: CinderCall, group: Group, id: string): Volume {
  const volume = call.state.volumes.get(id);
  if (volume?.groupId !== group.id) throw invalidVolume(`Cannot remove volume ${id} from group ${group.id} because it is not in the group.`);
  if (!removable.includes(volume.status)) throw invalidVolume(`Cannot remove volume ${id} from group ${group.id} because volume is in an invalid state: ${volume.status}. Valid states are: ${pythonList(removable)}.`);
  return volume;
}

const ids = (value: string | undefined): string[] => (value === undefined ? [] : value.split(',').filter((id) => id !== ''));

function update(call: CinderCall): Answer {
  const { state, site } = call;
  const group = findGroup(call);
  const body = bodyObject(call, 'group');
  if (Object.keys(body).length === 0) throw badRequest('Invalid input for field/attribute group. Value: {}. {} is not valid under any of the given schemas');
  const [add, remove] = [ids(text(body, 'add_volumes')), ids(text(body, 'remove_volumes'))];
  const both = add.filter((id) => remove.includes(id));
  if (both.length > 0) throw invalidVolume(`UUIDs ['${both.join("', '")}'] are in both add and remove volume list.`);
  const inside = new Set(volumesOf(state, group.id).map((v) => v.id));
  const toAdd = add.filter((id) => !inside.has(id)).map((id) => checkAdd(call, group, id));
  const toRemove = remove.map((id) => checkRemove(call, group, id));
  const [name, description] = [text(body, 'name'), text(body, 'description')];
  const named = (name !== undefined && name !== group.name) || (description !== undefined && description !== group.description);
  if (!named && toAdd.length === 0 && toRemove.length === 0) throw invalidGroup(`Cannot update group ${group.id} because no valid name, description, add_volumes, or remove_volumes were provided.`);
  if (toAdd.length + toRemove.length > 0 && group.status !== 'available') throw invalidGroup('Group status must be available.');
  if (name !== undefined) group.name = name;
  if (description !== undefined) group.description = description;
  group.updatedAt = site.now();
  if (toAdd.length + toRemove.length === 0) return { status: 202 };
  group.status = 'updating';
  if (dead(state, 'cinder-volume')) return { status: 202 };
  later(site, 'group-update', timing.updateGroup, (failed) => {
    if (group.status !== 'updating') return;
    group.status = failed === undefined ? 'available' : 'error';
    if (failed !== undefined) return;
    for (const v of toAdd) v.groupId = group.id;
    for (const v of toRemove) v.groupId = null;
  });
  return { status: 202 };
}

function remove(call: CinderCall, group: Group): Answer {
  const { state, site } = call;
  const deleteVolumes = flag(bodyObject(call, 'delete'), 'delete-volumes');
  if (!deleteVolumes && !['available', 'error'].includes(group.status)) throw invalidGroup(`Group status must be available or error, but current status is: ${group.status}`);
  if ([...state.groupSnapshots.values()].some((s) => s.groupId === group.id)) throw invalidGroup('Group has existing snapshots.');
  const volumes = volumesOf(state, group.id);
  if (volumes.length > 0 && !deleteVolumes) throw invalidGroup(`Group ${group.id} still contains volumes. The delete-volumes flag is required to delete it.`);
  for (const v of volumes) {
    if ([...state.attachments.values()].some((a) => a.volumeId === v.id && a.status === 'attached')) throw invalidGroup(`Volume in group ${group.id} is attached. Need to detach first.`);
    if ([...state.snapshots.values()].some((s) => s.volumeId === v.id)) throw invalidGroup('Volume in group still has dependent snapshots.');
  }
  group.status = 'deleting';
  for (const v of volumes) v.status = 'deleting';
  runGroupDelete(site, state, group);
  return { status: 202 };
}

export function runGroupDelete(site: CinderCall['site'], state: CinderState, group: Group): void {
  if (dead(state, 'cinder-volume')) return;
  for (const v of volumesOf(state, group.id)) if (v.status === 'deleting') runDelete(site, state, v);
  later(site, 'group-delete', timing.deleteGroup, (failed) => {
    if (group.status !== 'deleting') return;
    if (failed !== undefined) {
      group.status = 'error_deleting';
      return;
    }
    state.groups.delete(group.id);
    release(state, group.projectId, { groups: 1 });
  });
}

function action(call: CinderCall): Answer {
  const group = findGroup(call);
  if ('delete' in call.body) return remove(call, group);
  if ('reset_status' in call.body) {
    if (!call.token.admin) throw new ApiError(403, "Policy doesn't allow group:reset_status to be performed.");
    group.status = requiredText(bodyObject(call, 'reset_status'), 'status');
    return { status: 202 };
  }
  throw noAction(Object.keys(call.body)[0] ?? '');
}

export const groupRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/groups', since: 13, handler: (call) => listGroups(call, summary) },
  { method: 'GET', path: '/groups/detail', since: 13, handler: (call) => listGroups(call, (g) => detail(call, g)) },
  { method: 'POST', path: '/groups', since: 13, rule: 'group:create', handler: create },
  { method: 'POST', path: '/groups/action', since: 14, rule: 'group:create', handler: createFromSource },
  { method: 'GET', path: '/groups/:id', since: 13, handler: (call) => ok({ group: detail(call, findGroup(call)) }) },
  { method: 'PUT', path: '/groups/:id', since: 13, rule: 'group:update', handler: update },
  { method: 'POST', path: '/groups/:id/action', since: 13, rule: 'group:delete', handler: action },
];
